/** Projects: what a team labels, and with which classes. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Project = Schemas["Project"];
export type ProjectStatistics = Schemas["ProjectStatistics"];

export interface ClassDefinition {
  id: number;
  name: string;
  color?: string | null;
  keypoints?: string[] | null;
  skeleton?: [number, number][] | null;
}

export const projectQueries = {
  all: ["projects"] as const,
  list: (search: string | undefined) =>
    infiniteQueryOptions({
      queryKey: [...projectQueries.all, "list", search ?? ""],
      queryFn: ({ pageParam, signal }) =>
        unwrap(api.GET("/v2/projects/", { signal, params: { query: { search, cursor: pageParam } } })),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
    }),
  one: (id: number) =>
    queryOptions({
      queryKey: [...projectQueries.all, "one", id],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/projects/{item_id}/", { signal, params: { path: { item_id: id } } }))).data,
      staleTime: 60_000,
    }),
  statistics: (id: number) =>
    queryOptions({
      queryKey: [...projectQueries.all, "statistics", id],
      queryFn: async ({ signal }) => {
        const asked = api.GET("/v2/projects/{item_id}/statistics/", { signal, params: { path: { item_id: id } } });
        return (await unwrap(asked)).data;
      },
      staleTime: 30_000,
    }),
};

/** The classes of a project, in the order of their ids. */
export function classesOf(project: Project | undefined): ClassDefinition[] {
  const schema = project?.configuration.class_schema as { classes?: ClassDefinition[] } | undefined;
  return schema?.classes ?? [];
}

export interface NewProject {
  name: string;
  description: string;
  classes: string[];
}

export async function createProject({ name, description, classes }: NewProject): Promise<Project> {
  const schema = { classes: classes.map((each, at) => ({ id: at + 1, name: each })) };
  const configuration = classes.length > 0 ? { class_schema: schema } : {};
  return (await unwrap(api.POST("/v2/projects/", { body: { name, description, configuration } }))).data;
}
