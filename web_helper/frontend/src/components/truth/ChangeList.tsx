import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type ChangeKind, truthQueries } from "@/api/truth";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";

interface ChangeListProps {
  version: number;
  since: number;
  kind: ChangeKind;
}

/** The items that differ in one way, page by page. */
export function ChangeList({ version, since, kind }: ChangeListProps) {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const changes = useInfiniteQuery(truthQueries.changes(version, since, kind));
  if (changes.isPending) return <Loading label={common("loading")} />;
  if (changes.isError) return <QueryFailure error={changes.error} onRetry={() => changes.refetch()} />;
  if (changes.data.length === 0) return <p className="text-muted-foreground">{t(`compare.none.${kind}`)}</p>;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <Table label={t(`compare.${kind}`)}>
        <thead>
          <tr>
            <Th>{t("compare.item")}</Th>
            <Th>{t("compare.before")}</Th>
            <Th>{t("compare.after")}</Th>
          </tr>
        </thead>
        <tbody>
          {changes.data.map((change) => (
            <Tr key={change.data_unit_id}>
              <Td className="break-words">{change.data_unit_name}</Td>
              <Td>
                <Classes counts={change.before} />
              </Td>
              <Td>
                <Classes counts={change.after} />
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {changes.hasNextPage && (
        <Button
          onClick={() => changes.fetchNextPage()}
          disabled={changes.isFetchingNextPage}
          className="justify-self-center"
        >
          {common("more")}
        </Button>
      )}
    </div>
  );
}

function Classes({ counts }: { counts: Record<string, number> | null | undefined }) {
  const { t } = useTranslation("truth");
  if (!counts) return <>–</>;
  const entries = Object.entries(counts);
  if (entries.length === 0) return <span className="text-muted-foreground">{t("compare.nothing")}</span>;
  return <>{entries.map(([name, count]) => `${count} ${name}`).join(", ")}</>;
}
