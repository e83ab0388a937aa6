/** Exports that the platform converts: asking, looking ahead, following, going on. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type ExportJob = Schemas["AsyncJob"];
export type ExportRequest = Schemas["DatasetExportRequest"];
export type Preview = Schemas["DatasetPreview"];
export type Step = Schemas["StepProgress"];
export type Archive = Schemas["DatasetArchive"];
export type Loss = Schemas["LossEntry"];

export const EXPORT_STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
export type ExportStatus = (typeof EXPORT_STATUSES)[number];
export const EXPORT_TARGETS = ["assignment", "task", "ground_truth"] as const;
export type ExportTarget = (typeof EXPORT_TARGETS)[number];
export const FORMATS = ["coco", "yolo", "voc", "csv", "jsonl", "webdataset", "parquet"] as const;
export type Format = (typeof FORMATS)[number];

export interface ExportFilters {
  status?: ExportStatus | undefined;
  project?: number | undefined;
}

/** What a job keeps of its request, which is enough to ask for the same again. */
export type ExportParams = Omit<ExportRequest, "idempotency_key"> & { resumes?: string };

const LIVE_MS = 3_000;
const MANY = 200;

export function isLive(job: ExportJob): boolean {
  return job.status === "QUEUED" || job.status === "RUNNING";
}

export function paramsOf(job: ExportJob): ExportParams {
  return job.params as unknown as ExportParams;
}

export const exportQueries = {
  all: ["exports"] as const,
  list: ({ status, project }: ExportFilters) =>
    infiniteQueryOptions({
      queryKey: [...exportQueries.all, "list", status, project],
      queryFn: ({ pageParam, signal }) => {
        const query = {
          kind: ["dataset"],
          cursor: pageParam,
          ...(status === undefined ? {} : { status: [status] }),
          ...(project === undefined ? {} : { project: [String(project)] }),
        };
        return unwrap(api.GET("/v2/async-jobs/", { signal, params: { query } }));
      },
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
      refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isLive)) ? LIVE_MS : false),
    }),
  one: (id: string) =>
    queryOptions({
      queryKey: [...exportQueries.all, "one", id],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/async-jobs/{job_id}/", { signal, params: { path: { job_id: id } } }))).data,
    }),
  preview: (body: ExportRequest) =>
    queryOptions({
      queryKey: [...exportQueries.all, "preview", body],
      queryFn: async ({ signal }) => (await unwrap(api.POST("/v2/dataset-exports/preview/", { signal, body }))).data,
      retry: false,
      placeholderData: (before) => before,
    }),
  projects: () =>
    queryOptions({
      queryKey: [...exportQueries.all, "projects"],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/projects/", { signal, params: { query: { per_page: MANY } } }))).data,
    }),
  storages: () =>
    queryOptions({
      queryKey: [...exportQueries.all, "storages"],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/storages/", { signal, params: { query: { per_page: MANY } } }))).data,
    }),
};

export async function startExport(body: ExportRequest): Promise<string> {
  return (await unwrap(api.POST("/v2/dataset-exports/", { body }))).data.job_id;
}

export async function resumeExport(id: string): Promise<string> {
  const asked = api.POST("/v2/dataset-exports/{job_id}/resume/", { params: { path: { job_id: id } } });
  return (await unwrap(asked)).data.job_id;
}

export async function cancelExport(id: string): Promise<ExportJob> {
  return (await unwrap(api.POST("/v2/async-jobs/{job_id}/cancel/", { params: { path: { job_id: id } } }))).data;
}
