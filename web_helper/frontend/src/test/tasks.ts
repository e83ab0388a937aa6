/** A project with tasks, as the tests of their views have it. */
import { HttpResponse, http } from "msw";

export const PROJECT = {
  id: 7,
  name: "streets",
  description: "",
  data_collection_id: 1,
  configuration: {
    class_schema: {
      classes: [
        { id: 1, name: "car" },
        { id: 2, name: "dog" },
      ],
    },
  },
  created: "2026-01-01T00:00:00Z",
};
export const HOSTILE = '<img src=x onerror="alert(1)">';

export function pageOf(data: unknown[]) {
  return { data, meta: { request_id: "r1", pagination: { next_cursor: null, previous_cursor: null, per_page: 50 } } };
}

export function answerOf(data: unknown) {
  return { data, meta: { request_id: "r1" } };
}

export function cardOf(id: number, more: object = {}) {
  return {
    id,
    project_id: 7,
    name: `task ${id}.jpg`,
    status: "pending",
    is_discarded: false,
    width: 640,
    height: 480,
    thumbnail: null,
    tags: [],
    annotation_count: 1,
    outlines: [{ category: "car", shape: "bbox", bbox: [1, 2, 30, 40] }],
    review: null,
    is_pre_annotated: false,
    ...more,
  };
}

export function taskOf(more: object = {}) {
  return {
    task_id: 5,
    name: "task 5.jpg",
    width: 640,
    height: 480,
    image: null,
    preview: null,
    revision: "a",
    data: { annotations: [{ id: 1, type: "bbox", category: "car", bbox: [10, 20, 30, 40] }] },
    status: "in_progress",
    is_discarded: false,
    review: null,
    review_comment: "",
    changed_by: null,
    changed: null,
    origin: null,
    ...more,
  };
}

export const project = http.get("*/v2/projects/7/", () => HttpResponse.json(answerOf(PROJECT)));
export const tags = http.get("*/v2/task-tags/", () =>
  HttpResponse.json(pageOf([{ id: 1, project_id: 7, name: "night" }])),
);

export function failed(path: string) {
  const body = { error: { code: "INTERNAL_ERROR", message: "The server failed." }, meta: { request_id: "r9" } };
  return http.get(path, () => HttpResponse.json(body, { status: 500 }));
}

export function waiting(path: string) {
  return http.get(path, () => new Promise<never>(() => undefined));
}

export function pages(count: number) {
  const cursors = Array.from({ length: Math.max(1, Math.ceil(count / 100)) }, (_, at) => (at === 0 ? null : `c${at}`));
  return http.get("*/v2/task-cards/pages/", () => HttpResponse.json(answerOf({ count, page_length: 100, cursors })));
}

export const neighbours = http.get("*/v2/task-cards/5/neighbours/", () =>
  HttpResponse.json(answerOf({ previous_id: null, next_id: 6 })),
);
