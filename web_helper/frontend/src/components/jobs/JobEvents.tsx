import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { isLive, type Job, type JobLog, jobQueries } from "@/api/jobs";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { plainLine } from "@/lib/console";

/** What a run has told by its logger, newest first. */
export function JobEvents({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  const events = useInfiniteQuery(jobQueries.events(job.id, isLive(job)));
  if (events.isPending) return <Loading label={common("loading")} />;
  if (events.isError) return <QueryFailure error={events.error} onRetry={() => events.refetch()} />;
  if (events.data.length === 0) return <Empty title={t("events.none")} />;
  return (
    <div className="grid justify-items-start gap-3">
      <div className="w-full min-w-0">
        <Table label={t("events.label")}>
          <thead>
            <tr>
              <Th>{t("events.time")}</Th>
              <Th>{t("events.level")}</Th>
              <Th>{t("events.event")}</Th>
              <Th>{t("events.step")}</Th>
              <Th>{t("events.data")}</Th>
            </tr>
          </thead>
          <tbody>
            {events.data.map((entry) => (
              <Tr key={entry.id}>
                <Td className="font-mono text-xs whitespace-nowrap">{entry.datetime.slice(0, 19)}</Td>
                <Td>{entry.level ?? "–"}</Td>
                <Td>{entry.event}</Td>
                <Td>{entry.step ?? "–"}</Td>
                <Td className="max-w-xl break-words">{textOf(entry)}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      </div>
      {events.hasNextPage && (
        <Button onClick={() => events.fetchNextPage()} disabled={events.isFetchingNextPage}>
          {common("more")}
        </Button>
      )}
    </div>
  );
}

function textOf({ data }: JobLog): string {
  if (typeof data !== "object" || data === null) return plainLine(String(data ?? ""));
  const { content, message } = data as Record<string, unknown>;
  const text = content ?? message;
  return plainLine(typeof text === "string" ? text : JSON.stringify(data));
}
