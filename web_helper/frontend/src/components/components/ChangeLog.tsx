import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type ChangeRecord, componentQueries, isStaged, type StagedChange, undoChange } from "@/api/components";
import { ActivateSetDialog } from "@/components/components/ActivateSetDialog";
import { ReasonDialog } from "@/components/components/ReasonDialog";
import { QueryFailure } from "@/components/QueryFailure";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

const MAX_SHOWN = 5;

/** Who changed what, when and why, over all components; each can be undone as a whole. */
export function ChangeLog() {
  const { t } = useTranslation(["components", "common"]);
  const client = useQueryClient();
  const changes = useInfiniteQuery(componentQueries.changes());
  const [undone, setUndone] = useState<number | null>(null);
  // With the newest change that was on the screen when it was chosen.
  const [activated, setActivated] = useState<{ record: StagedChange; seen: number } | null>(null);
  if (changes.error && !changes.data) return <QueryFailure error={changes.error} onRetry={() => changes.refetch()} />;
  if (!changes.data) return <Loading label={t("common:loading")} />;
  const records = changes.data.pages.flat();
  if (records.length === 0) return <Empty title={t("log.empty")} />;
  return (
    <div className="grid gap-3">
      <Table label={t("log.title")}>
        <thead>
          <tr>
            <Th>{t("log.when")}</Th>
            <Th>{t("log.who")}</Th>
            <Th>{t("log.what")}</Th>
            <Th>{t("log.why")}</Th>
            <Th>
              <span className="sr-only">{t("log.undo")}</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <ChangeRow
              key={record.id}
              record={record}
              onUndo={() => setUndone(record.id)}
              onActivate={(staged) => setActivated({ record: staged, seen: records[0]?.id ?? staged.id })}
            />
          ))}
        </tbody>
      </Table>
      {changes.hasNextPage && (
        <Button
          className="justify-self-center"
          disabled={changes.isFetchingNextPage}
          onClick={() => changes.fetchNextPage()}
        >
          {t("common:more")}
        </Button>
      )}
      {activated && <ActivateSetDialog {...activated} onClose={() => setActivated(null)} />}
      {undone !== null && (
        <ReasonDialog
          title={t("log.undoTitle", { id: undone })}
          text={t("log.undoText")}
          confirmLabel={t("log.undo")}
          onClose={() => setUndone(null)}
          onConfirm={(reason) =>
            undoChange(undone, reason).finally(() => client.invalidateQueries({ queryKey: componentQueries.all }))
          }
        />
      )}
    </div>
  );
}

interface ChangeRowProps {
  record: ChangeRecord;
  onUndo: () => void;
  onActivate: (staged: StagedChange) => void;
}

function ChangeRow({ record, onUndo, onActivate }: ChangeRowProps) {
  const { t } = useTranslation("components");
  return (
    <Tr>
      <Td className="align-top">
        <When iso={record.created_at} />
        <div className="text-xs text-muted-foreground">{t("log.set", { id: record.id })}</div>
      </Td>
      <Td className="align-top">{record.user ?? t("history.unknown")}</Td>
      <Td className="align-top">
        <Badge>{t(`log.kind.${record.kind}`)}</Badge>{" "}
        {record.registered > 0 && (
          <span className="text-muted-foreground">{t("log.registered", { count: record.registered })}</span>
        )}
        <ul>
          {record.changes.slice(0, MAX_SHOWN).map((change) => (
            <li key={`${change.path}:${change.alias}`}>
              <Link
                to="/components"
                search={{ path: change.path, hash: change.to_hash ?? undefined }}
                className="text-primary underline underline-offset-4"
              >
                {change.path}
              </Link>{" "}
              <span className="font-mono text-xs text-muted-foreground">
                {change.alias}: {change.from_hash?.slice(0, 8) ?? t("log.nothing")} →{" "}
                {change.to_hash?.slice(0, 8) ?? t("log.nothing")}
              </span>
            </li>
          ))}
          {record.changes.length > MAX_SHOWN && (
            <li className="text-muted-foreground">{t("log.more", { count: record.changes.length - MAX_SHOWN })}</li>
          )}
        </ul>
      </Td>
      <Td className="align-top break-words">{record.reason}</Td>
      <Td className="text-right align-top">
        {isStaged(record) && (
          <Button
            className="mb-1"
            size="small"
            aria-label={t("log.activateOf", { id: record.id })}
            onClick={() => onActivate(record)}
          >
            {t("log.activate")}
          </Button>
        )}{" "}
        {record.changes.length > 0 && (
          <Button size="small" aria-label={t("log.undoOf", { id: record.id })} onClick={onUndo}>
            {t("log.undo")}
          </Button>
        )}
      </Td>
    </Tr>
  );
}
