/** Runs of plugins: what they are, what they print and measure, and what can be done with them. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";
import { appendConsole, type Console, EMPTY_CONSOLE } from "@/lib/console";

export type Job = Schemas["Job"];
export type JobLog = Schemas["JobLog"];

export const JOB_STATUSES = ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "STOPPED"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export interface JobFilters {
  status?: JobStatus | undefined;
  plugin?: string | undefined;
  action?: string | undefined;
  agent?: number | undefined;
}

const LIVE_MS = 3_000;
const CONSOLE_MS = 1_000;
// 5,000 measurements, the newest: more than a curve can show.
const MAX_METRIC_PAGES = 25;
const PER_PAGE = 200;

export function isLive(job: Job | undefined): boolean {
  return job !== undefined && (job.status === "PENDING" || job.status === "RUNNING");
}

export const jobQueries = {
  all: ["jobs"] as const,
  list: (filters: JobFilters) =>
    infiniteQueryOptions({
      queryKey: [...jobQueries.all, "list", filters],
      queryFn: ({ pageParam, signal }) =>
        unwrap(api.GET("/v2/jobs/", { signal, params: { query: { ...asQuery(filters), cursor: pageParam } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
      refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isLive)) ? LIVE_MS : false),
    }),
  one: (id: string) =>
    queryOptions({
      queryKey: [...jobQueries.all, "one", id],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/jobs/{item_id}/", { signal, params: { path: { item_id: id } } }))).data,
      refetchInterval: ({ state }) => (isLive(state.data) ? LIVE_MS : false),
    }),
  /** What it has printed: only what is new is asked for. */
  console: (id: string, isFollowed: boolean) =>
    queryOptions({
      queryKey: [...jobQueries.all, "console", id],
      queryFn: async ({ client, queryKey, signal }): Promise<Console> => {
        const before = client.getQueryData<Console>(queryKey) ?? EMPTY_CONSOLE;
        const path = { item_id: id };
        const asked = api.GET("/v2/jobs/{item_id}/console-logs/", {
          signal,
          params: { path, query: { after: before.sizeBytes } },
        });
        const { console_logs: text, size_bytes: sizeBytes } = (await unwrap(asked)).data;
        return appendConsole(before, text, sizeBytes ?? 0);
      },
      refetchInterval: isFollowed ? CONSOLE_MS : false,
      structuralSharing: false,
      staleTime: 0,
    }),
  events: (id: string, isFollowed: boolean) =>
    infiniteQueryOptions({
      queryKey: [...jobQueries.all, "events", id],
      queryFn: ({ pageParam, signal }) => readLogs({ job: [id] }, pageParam, signal),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
      refetchInterval: isFollowed ? LIVE_MS : false,
    }),
  /** Measurements, oldest first. */
  metrics: (id: string, isFollowed: boolean) =>
    queryOptions({
      queryKey: [...jobQueries.all, "metrics", id],
      queryFn: async ({ signal }) => {
        const found: JobLog[] = [];
        let cursor: string | undefined;
        for (let at = 0; at < MAX_METRIC_PAGES; at++) {
          const page = await readLogs({ job: [id], event: ["metric"] }, cursor, signal);
          found.push(...page.data);
          cursor = page.meta.pagination.next_cursor ?? undefined;
          if (cursor === undefined) break;
        }
        return found.reverse();
      },
      refetchInterval: isFollowed ? LIVE_MS : false,
    }),
};

export async function stopJob(id: string): Promise<Job> {
  return (await unwrap(api.POST("/v2/jobs/{item_id}/stop/", { params: { path: { item_id: id } } }))).data;
}

export async function deleteJob(id: string): Promise<void> {
  await unwrap(api.DELETE("/v2/jobs/{item_id}/", { params: { path: { item_id: id } } }));
}

function readLogs(filters: { job: string[]; event?: string[] }, cursor: string | undefined, signal: AbortSignal) {
  const query = { ...filters, cursor, per_page: PER_PAGE, sort: "-id" };
  return unwrap(api.GET("/v2/job-logs/", { signal, params: { query } }));
}

function asQuery({ status, plugin, action, agent }: JobFilters) {
  return {
    ...(status === undefined ? {} : { status: [status] }),
    ...(plugin === undefined ? {} : { plugin: [plugin] }),
    ...(action === undefined ? {} : { action: [action] }),
    ...(agent === undefined ? {} : { agent: [String(agent)] }),
  };
}
