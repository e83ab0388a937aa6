/** Tasks: the cards of the grid, and the annotations of one. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type TaskCard = Schemas["TaskCard"];
export type Outline = Schemas["Outline"];
export type TaskAnnotations = Schemas["TaskAnnotations"];
export type TaskDetail = Schemas["TaskDetail"];

export const WORK_STATUSES = ["pending", "in_progress", "completed"] as const;
export type WorkStatus = (typeof WORK_STATUSES)[number];
export const REVIEWS = ["pending", "approved", "rejected"] as const;
export type Review = (typeof REVIEWS)[number];
export const ORDERS = ["id", "-id"] as const;

/** What the grid can be asked for; all of it stands in the address. */
export interface TaskFilters {
  search?: string | undefined;
  status?: WorkStatus | undefined;
  category?: string | undefined;
  tag?: string | undefined;
  review?: Review | undefined;
  discarded?: boolean | undefined;
  preAnnotated?: boolean | undefined;
  sort?: (typeof ORDERS)[number] | undefined;
}

export const PAGE_LENGTH = 100;
// Pages that nobody looks at are forgotten soon: a hundred thousand cards are more than a tab should hold.
const FORGET_MS = 10_000;
// Pages that a quick scroll only passes are never asked for.
const PASSING_MS = 90;

function asQuery(project: number, filters: TaskFilters) {
  return {
    project: [String(project)],
    sort: filters.sort ?? "id",
    ...(filters.search ? { search: filters.search } : {}),
    ...(filters.status ? { status: [filters.status] } : {}),
    ...(filters.category ? { category: [filters.category] } : {}),
    ...(filters.tag ? { tags: [filters.tag] } : {}),
    ...(filters.review ? { status_review: [filters.review] } : {}),
    ...(filters.discarded === undefined ? {} : { is_discarded: filters.discarded }),
    ...(filters.preAnnotated === undefined ? {} : { is_pre_annotated: filters.preAnnotated }),
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("Nobody waits for this page any more.", "AbortError"));
    });
  });
}

export const taskQueries = {
  all: ["tasks"] as const,
  /** How many tasks there are, and the cursor of each page. */
  pages: (project: number, filters: TaskFilters) =>
    queryOptions({
      queryKey: [...taskQueries.all, project, "pages", filters],
      queryFn: async ({ signal }) => {
        const query = { ...asQuery(project, filters), page_length: PAGE_LENGTH };
        return (await unwrap(api.GET("/v2/task-cards/pages/", { signal, params: { query } }))).data;
      },
    }),
  page: (project: number, filters: TaskFilters, number: number, cursor: string | null) =>
    queryOptions({
      queryKey: [...taskQueries.all, project, "page", filters, number, cursor],
      queryFn: async ({ signal }) => {
        await pause(PASSING_MS, signal);
        const more = cursor === null ? {} : { cursor };
        const query = { ...asQuery(project, filters), per_page: PAGE_LENGTH, ...more };
        return (await unwrap(api.GET("/v2/task-cards/", { signal, params: { query } }))).data;
      },
      gcTime: FORGET_MS,
      staleTime: FORGET_MS,
    }),
  tags: (project: number) =>
    queryOptions({
      queryKey: [...taskQueries.all, project, "tags"],
      queryFn: async ({ signal }) => {
        const query = { project: [String(project)], per_page: 200, sort: "id" };
        return (await unwrap(api.GET("/v2/task-tags/", { signal, params: { query } }))).data;
      },
    }),
  detail: (id: number) =>
    queryOptions({
      queryKey: [...taskQueries.all, "detail", id],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/tasks/{item_id}/", { signal, params: { path: { item_id: id } } }))).data,
    }),
  annotations: (id: number) =>
    queryOptions({
      queryKey: [...taskQueries.all, "annotations", id],
      queryFn: ({ signal }) => readAnnotations(id, signal),
      // The editor holds what is edited; a task that is opened again is read again.
      gcTime: 0,
      staleTime: Number.POSITIVE_INFINITY,
    }),
  neighbours: (project: number, id: number, filters: TaskFilters) =>
    queryOptions({
      queryKey: [...taskQueries.all, project, "neighbours", id, filters],
      queryFn: async ({ signal }) => {
        const params = { path: { item_id: id }, query: asQuery(project, filters) };
        return (await unwrap(api.GET("/v2/task-cards/{item_id}/neighbours/", { signal, params }))).data;
      },
    }),
};

export async function readAnnotations(id: number, signal?: AbortSignal): Promise<TaskAnnotations> {
  const asked = api.GET("/v2/tasks/{item_id}/annotations/", {
    params: { path: { item_id: id } },
    ...(signal ? { signal } : {}),
  });
  return (await unwrap(asked)).data;
}

export interface Save {
  expected: string;
  data: Schemas["SaveAnnotationsRequest"]["data"];
  status?: WorkStatus | undefined;
}

/** Save over a revision; an `ApiError` of status 409 when someone else was there first. */
export async function saveAnnotations(id: number, { status, ...save }: Save): Promise<TaskAnnotations> {
  const body = { ...save, ...(status ? { status } : {}) };
  // A tab that is closed still sends it.
  const asked = api.PUT("/v2/tasks/{item_id}/annotations/", {
    params: { path: { item_id: id } },
    body,
    keepalive: JSON.stringify(body).length < 60_000,
  });
  return (await unwrap(asked)).data;
}

export async function reviewTask(
  id: number,
  review: { expected: string; status: "approved" | "rejected"; comment: string },
): Promise<TaskAnnotations> {
  const asked = api.POST("/v2/tasks/{item_id}/review/", { params: { path: { item_id: id } }, body: review });
  return (await unwrap(asked)).data;
}

export async function setDiscarded(ids: number[], isDiscarded: boolean): Promise<void> {
  await unwrap(api.POST("/v2/tasks/set-discarded/", { body: { ids, is_discarded: isDiscarded } }));
}

export async function tagTasks(ids: number[], tag: string, action: "add" | "remove"): Promise<void> {
  await unwrap(api.POST("/v2/tasks/set-tags/", { body: { ids, tags: [tag], action } }));
}
