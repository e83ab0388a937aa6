/** Experiments: the queue, one run, and what people do with them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Experiment = Schemas["Experiment"];
export type ExperimentDetail = Schemas["ExperimentDetail"];
export type ExperimentStatus = Schemas["ExperimentStatus"];
export type ExperimentPreview = Schemas["ExperimentPreview"];
export type ExperimentSubmit = Schemas["ExperimentSubmit"];
export type Difference = Schemas["Difference"];
/** Of a run: each point is a place and a value. */
export type Curve = Omit<Schemas["Curve"], "points"> & { points: readonly (readonly number[])[] };
export type GridMoved = Schemas["GridMoved"];
export type Priority = Schemas["Priority"];

export const STATUSES = [
  "pending",
  "queued",
  "assigned",
  "running",
  "paused",
  "completed",
  "failed",
  "cancelled",
  "expired",
  "crashed",
] as const satisfies readonly ExperimentStatus[];
export const PRIORITIES = ["low", "normal", "high", "urgent"] as const satisfies readonly Priority[];
const OPEN: readonly string[] = ["pending", "queued", "assigned", "running", "paused"];

const PER_PAGE = 50;
const LOOK_MS = 3_000;
// Reading the curves of a run with very many rows again and again would cost the server more than it tells.
const MANY_ROWS = 50_000;
const LOOK_AT_MANY_MS = 30_000;

export interface ExperimentFilters {
  status?: ExperimentStatus[] | undefined;
  project?: string | undefined;
  device?: string | undefined;
}

/** Whether it may still change. */
export function isOpen(status: ExperimentStatus): boolean {
  return OPEN.includes(status);
}

export const experimentQueries = {
  all: ["experiments"] as const,
  list: ({ status, project, device }: ExperimentFilters) =>
    infiniteQueryOptions({
      queryKey: [...experimentQueries.all, "list", { status, project, device }],
      queryFn: async ({ pageParam, signal }) => {
        const query = {
          limit: PER_PAGE,
          ...(status?.length ? { status: status.join(",") } : {}),
          ...(project ? { project } : {}),
          ...(device ? { device } : {}),
          ...(pageParam === null ? {} : { before: pageParam }),
        };
        return (await unwrap(api.GET("/api/experiments", { params: { query }, signal }))).data;
      },
      initialPageParam: null as string | null,
      getNextPageParam: (page) => (page.length < PER_PAGE ? undefined : page.at(-1)?.uid),
      placeholderData: keepPreviousData,
      refetchInterval: (query) =>
        query.state.data?.pages.some((page) => page.some((each) => isOpen(each.status))) ? LOOK_MS : false,
    }),
  /** What devices hold now. */
  held: () =>
    queryOptions({
      queryKey: [...experimentQueries.all, "held"],
      queryFn: async ({ signal }) => {
        const query = { status: "assigned,running,paused", limit: 500 };
        return (await unwrap(api.GET("/api/experiments", { params: { query }, signal }))).data;
      },
      refetchInterval: LOOK_MS,
    }),
  one: (uid: string) =>
    queryOptions({
      queryKey: [...experimentQueries.all, "one", uid],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/api/experiments/{uid}", { params: { path: { uid } }, signal }))).data,
      refetchInterval: (query) => (query.state.data && isOpen(query.state.data.status) ? LOOK_MS : false),
    }),
  config: (uid: string) =>
    queryOptions({
      queryKey: [...experimentQueries.all, "config", uid],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/api/experiments/{uid}/config", { params: { path: { uid } }, signal }))).data,
      staleTime: Number.POSITIVE_INFINITY,
    }),
  curves: (uid: string, status: ExperimentStatus) =>
    queryOptions({
      // The status is in the key: when a run ends its last rows are asked for.
      queryKey: [...experimentQueries.all, "curves", uid, status],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/api/experiments/{uid}/curves", { params: { path: { uid } }, signal }))).data,
      placeholderData: keepPreviousData,
      refetchInterval: (query) => {
        if (!isOpen(status)) return false;
        return (query.state.data?.row_count ?? 0) > MANY_ROWS ? LOOK_AT_MANY_MS : LOOK_MS;
      },
    }),
  compare: (a: string, b: string) =>
    queryOptions({
      queryKey: [...experimentQueries.all, "compare", a, b],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/api/experiments/compare", { params: { query: { a, b } }, signal }))).data,
    }),
  preview: (config: string) =>
    queryOptions({
      queryKey: ["experiment-preview", config],
      queryFn: async ({ signal }) =>
        (await unwrap(api.POST("/api/experiments/preview", { body: submission(config), signal }))).data,
      placeholderData: keepPreviousData,
      staleTime: 0,
    }),
};

export type Options = Partial<Pick<ExperimentSubmit, "name" | "project" | "device" | "priority" | "hold" | "key">>;

/** Submit a config; the experiments of its grid. The same key again makes nothing. */
export async function submitExperiment(config: string, options: Options): Promise<Experiment[]> {
  return (await unwrap(api.POST("/api/experiments", { body: submission(config, options) }))).data;
}

export type Act = "cancel" | "pause" | "resume";

export async function actOnExperiment(uid: string, act: Act): Promise<Experiment> {
  const params = { path: { uid } };
  if (act === "cancel") return (await unwrap(api.POST("/api/experiments/{uid}/cancel", { params }))).data;
  if (act === "pause") return (await unwrap(api.POST("/api/experiments/{uid}/pause", { params }))).data;
  return (await unwrap(api.POST("/api/experiments/{uid}/resume", { params }))).data;
}

/** Cancel every run that was submitted with this one. */
export async function cancelGrid(uid: string): Promise<GridMoved> {
  const body = { act: "cancel" } as const;
  return (await unwrap(api.POST("/api/experiments/{uid}/grid", { params: { path: { uid } }, body }))).data;
}

export async function reproduceExperiment(uid: string, key: string): Promise<Experiment> {
  const body = { priority: "normal", key } as const;
  return (await unwrap(api.POST("/api/experiments/{uid}/reproduce", { params: { path: { uid } }, body }))).data;
}

function submission(config: string, options: Options = {}): ExperimentSubmit {
  return { config, file: "config.yaml", priority: "normal", hold: false, alias: "active", pinned: {}, ...options };
}
