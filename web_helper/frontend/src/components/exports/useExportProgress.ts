import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { followEvents } from "@/api/events";
import { type ExportJob, exportQueries, isLive, type Step } from "@/api/exports";

/** What of an event this page shows. */
interface ProgressEvent {
  steps?: Step[] | null;
  processed?: number;
  total?: number | null;
}

const LAST = new Set(["completed", "failed", "cancelled"]);

/** Keep a job that runs up to date by its events; whether the connection stands. */
export function useExportProgress(job: ExportJob): boolean {
  const queryClient = useQueryClient();
  const [isConnected, setIsConnected] = useState(true);
  const { job_id: id } = job;
  const isFollowed = isLive(job);
  useEffect(() => {
    if (!isFollowed) return;
    const stop = new AbortController();
    const { queryKey } = exportQueries.one(id);
    void followEvents(`/v2/async-jobs/${id}/progress/`, {
      signal: stop.signal,
      onConnection: setIsConnected,
      isLast: ({ event }) => LAST.has(event ?? ""),
      onEvent: ({ event, data }) => {
        if (LAST.has(event ?? "")) void queryClient.invalidateQueries({ queryKey: exportQueries.all });
        else queryClient.setQueryData(queryKey, (before) => before && withEvent(before, data));
      },
      // Whoever may not follow it any more is told by the job itself.
    }).catch(() => queryClient.invalidateQueries({ queryKey }));
    return () => stop.abort();
  }, [id, isFollowed, queryClient]);
  return isConnected;
}

function withEvent(job: ExportJob, data: string): ExportJob {
  const event = JSON.parse(data) as ProgressEvent;
  const isBegun = (event.steps !== undefined && event.steps !== null) || (event.processed ?? 0) > 0;
  const progress = { processed: event.processed ?? 0, total: event.total ?? null };
  return { ...job, progress, steps: event.steps ?? job.steps, status: isBegun ? "RUNNING" : job.status };
}
