import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { isLive, type Job, jobQueries } from "@/api/jobs";
import { LogViewer } from "@/components/jobs/LogViewer";
import { QueryFailure } from "@/components/QueryFailure";
import { Empty, Loading } from "@/components/ui/states";
import { consoleLines } from "@/lib/console";

/** What a run prints, as it comes. */
export function JobConsole({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  const isFollowed = isLive(job);
  const printed = useQuery(jobQueries.console(job.id, isFollowed));
  useRestAfterTheEnd(job.id, isFollowed);
  if (printed.isPending) return <Loading label={common("loading")} />;
  if (printed.isError && printed.data === undefined)
    return <QueryFailure error={printed.error} onRetry={() => printed.refetch()} />;
  const lines = consoleLines(printed.data);
  if (lines.length === 0)
    return <Empty title={t(isFollowed ? "log.notYet" : "log.none")}>{isFollowed && t("log.notYetHint")}</Empty>;
  return (
    <>
      {printed.isError && (
        <p role="status" className="mb-2 text-warning">
          {t("log.away")}
        </p>
      )}
      <LogViewer
        label={t("log.label")}
        lines={lines}
        isLive={isFollowed}
        note={printed.data.isCut && t("log.cut")}
        className="h-[60vh]"
      />
    </>
  );
}

/** What was printed right before the end came after the last look. */
function useRestAfterTheEnd(id: string, isFollowed: boolean) {
  const queryClient = useQueryClient();
  useEffect(() => {
    if (!isFollowed) void queryClient.invalidateQueries({ queryKey: jobQueries.console(id, false).queryKey });
  }, [id, isFollowed, queryClient]);
}
