/** Models that runs have made, and the releases they came from. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Model = Schemas["Model"];

export const modelQueries = {
  all: ["models"] as const,
  list: (search: string | undefined) =>
    infiniteQueryOptions({
      queryKey: [...modelQueries.all, "list", search],
      queryFn: ({ pageParam, signal }) =>
        unwrap(api.GET("/v2/models/", { signal, params: { query: { search, cursor: pageParam } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
      // What was found before stays until what is searched for now is there.
      placeholderData: keepPreviousData,
    }),
  /** Names of releases by id: what made a model. */
  makers: (ids: number[]) =>
    queryOptions({
      queryKey: ["plugins", "names", ids],
      queryFn: async ({ signal }) => {
        const query = { ids: ids.map(String), fields: ["id", "plugin_code", "version"], per_page: 200 };
        const { data } = await unwrap(api.GET("/v2/plugin-releases/", { signal, params: { query } }));
        return new Map(data.map((release) => [release.id, release]));
      },
      enabled: ids.length > 0,
    }),
};

export async function deleteModel(id: number): Promise<void> {
  await unwrap(api.DELETE("/v2/models/{item_id}/", { params: { path: { item_id: id } } }));
}
