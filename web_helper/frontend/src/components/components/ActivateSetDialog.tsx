import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { activateSet, componentQueries, type StagedChange } from "@/api/components";
import { ReasonDialog } from "@/components/components/ReasonDialog";

interface ActivateSetDialogProps {
  record: StagedChange;
  /** The newest change that the person has seen. */
  seen: number;
  onClose: () => void;
}

/** Makes all that a change brought under another name active at once, and says before what that moves. */
export function ActivateSetDialog({ record, seen, onClose }: ActivateSetDialogProps) {
  const { t } = useTranslation(["components", "common"]);
  const client = useQueryClient();
  // Asked after the log: what was moved since is refused, so that what is shown is what happens.
  const list = useQuery({ ...componentQueries.list(), refetchOnMount: "always" });
  const activeAt = new Map(list.data?.map((each) => [each.path, each.active_hash]));
  // A path may be there once for each of several names.
  const versions = new Map(record.changes.map((change) => [change.path, change.to_hash]));
  const moves = [...versions].filter(([path, hash]) => hash !== null && hash !== activeAt.get(path));
  return (
    <ReasonDialog
      title={t("log.activateTitle", { id: record.id })}
      text={t("set.text")}
      confirmLabel={t("activate.confirm")}
      onClose={onClose}
      onConfirm={(reason) =>
        activateSet(record.id, seen, reason).finally(() => client.invalidateQueries({ queryKey: componentQueries.all }))
      }
    >
      {list.error && <p className="text-danger">{list.error.message}</p>}
      {list.isPending || !list.isFetchedAfterMount ? (
        <p>{t("common:loading")}</p>
      ) : (
        <div className="grid gap-1">
          <p>{t("log.moves", { count: moves.length })}</p>
          <ul aria-label={t("log.what")} className="max-h-60 overflow-y-auto">
            {moves.map(([path, hash]) => (
              <li key={path} className="break-all">
                {path}{" "}
                <span className="font-mono text-xs text-muted-foreground">
                  {activeAt.get(path)?.slice(0, 8) ?? t("log.nothing")} → {hash?.slice(0, 8)}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </ReasonDialog>
  );
}
