/** Ground truth: data sets, their released versions, and what changed between two. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Dataset = Schemas["GroundTruthDataset"];
export type Version = Schemas["GroundTruthDatasetVersion"];
export type Difference = Schemas["VersionDifference"];
export type VersionChange = Schemas["VersionChange"];
export type CollectOutcome = Schemas["CollectOutcome"];

export const CHANGE_KINDS = ["added", "changed", "removed"] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface DatasetFilters {
  project?: number | undefined;
  search?: string | undefined;
}

const MANY = 200;

export const truthQueries = {
  all: ["truth"] as const,
  datasets: ({ project, search }: DatasetFilters) =>
    infiniteQueryOptions({
      queryKey: [...truthQueries.all, "datasets", project, search],
      queryFn: ({ pageParam, signal }) => {
        const query = {
          cursor: pageParam,
          ...(project === undefined ? {} : { project: [String(project)] }),
          ...(search === undefined ? {} : { search }),
        };
        return unwrap(api.GET("/v2/ground-truth-datasets/", { signal, params: { query } }));
      },
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
    }),
  dataset: (id: number) =>
    queryOptions({
      queryKey: [...truthQueries.all, "dataset", id],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/ground-truth-datasets/{item_id}/", { signal, params: { path: { item_id: id } } })))
          .data,
    }),
  /** The newest first; more than these nobody compares by hand. */
  versions: (dataset: number) =>
    queryOptions({
      queryKey: [...truthQueries.all, "versions", dataset],
      queryFn: async ({ signal }) => {
        const query = { dataset: [String(dataset)], per_page: MANY };
        return (await unwrap(api.GET("/v2/ground-truth-dataset-versions/", { signal, params: { query } }))).data;
      },
    }),
  version: (id: number) =>
    queryOptions({
      queryKey: [...truthQueries.all, "version", id],
      queryFn: async ({ signal }) => {
        const params = { path: { item_id: id } };
        return (await unwrap(api.GET("/v2/ground-truth-dataset-versions/{item_id}/", { signal, params }))).data;
      },
    }),
  difference: (version: number, since: number) =>
    queryOptions({
      queryKey: [...truthQueries.all, "difference", version, since],
      queryFn: async ({ signal }) => {
        const params = { path: { item_id: version }, query: { since } };
        return (await unwrap(api.GET("/v2/ground-truth-dataset-versions/{item_id}/difference/", { signal, params })))
          .data;
      },
      // Versions never change.
      staleTime: Number.POSITIVE_INFINITY,
    }),
  changes: (version: number, since: number, kind: ChangeKind) =>
    infiniteQueryOptions({
      queryKey: [...truthQueries.all, "changes", version, since, kind],
      queryFn: ({ pageParam, signal }) => {
        const params = { path: { item_id: version }, query: { since, kind, cursor: pageParam ?? null } };
        return unwrap(api.GET("/v2/ground-truth-dataset-versions/{item_id}/changes/", { signal, params }));
      },
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
      staleTime: Number.POSITIVE_INFINITY,
    }),
};

export async function createDataset(body: Schemas["GroundTruthDatasetCreate"]): Promise<Dataset> {
  return (await unwrap(api.POST("/v2/ground-truth-datasets/", { body }))).data;
}

export async function collectInto(dataset: number): Promise<CollectOutcome> {
  const params = { path: { item_id: dataset } };
  return (await unwrap(api.POST("/v2/ground-truth-datasets/{item_id}/collect/", { params, body: { filter: {} } })))
    .data;
}

export async function releaseVersion(dataset: number, body: Schemas["ReleaseRequest"]): Promise<Version> {
  const params = { path: { item_id: dataset } };
  return (await unwrap(api.POST("/v2/ground-truth-datasets/{item_id}/versions/", { params, body }))).data;
}
