import { expect, test } from "vitest";
import type { ExportParams } from "@/api/exports";
import { badLine, type Draft, draftOf, EMPTY_DRAFT, requestOf } from "@/components/exports/draft";

const draft = (change: Partial<Draft>): Draft => ({ ...EMPTY_DRAFT, project: 3, ...change });

test("without a project, or a version, there is nothing to ask for", () => {
  expect(requestOf(EMPTY_DRAFT)).toBeNull();
  expect(requestOf(draft({ target: "ground_truth" }))).toBeNull();
  expect(requestOf(draft({ filters: "night" }))).toBeNull();
});

test("filters are values of their kinds", () => {
  const filters = "ids=1,2\ntags=night,rain\nis_discarded=false\nsearch=42\ntask=7\n";
  expect(requestOf(draft({ filters }))?.filter).toEqual({
    status_label: "completed",
    ids: [1, 2],
    tags: ["night", "rain"],
    is_discarded: false,
    search: "42",
    task: 7,
  });
});

test("a line that is no filter is named", () => {
  expect(badLine("tags=night\n\nrain")).toBe("rain");
  expect(badLine("tags=night\n")).toBeNull();
});

test("shares are parts of one, without those that get nothing", () => {
  const request = requestOf(draft({ split: "shares", shares: { train: "85", val: "15", test: "0" } }));
  expect(request?.split).toEqual({ train: 0.85, val: 0.15 });
});

test("what only another format knows is not asked for", () => {
  expect(requestOf(draft({ format: "csv", task: "segment", shardItems: "10" }))).toMatchObject({
    options: {},
    shard_items: null,
  });
});

test.each<Partial<Draft>>([
  {
    target: "task",
    status: "completed",
    filters: "tags=night,rain\nids=1,2",
    format: "yolo",
    task: "obb",
    shardItems: "0",
  },
  { target: "ground_truth", project: undefined, version: 12, status: "", split: "tag", hasImages: false },
  { split: "shares", shares: { train: "70", val: "20", test: "10" }, isStrict: true, name: "x", storage: 2 },
])("the request of a form gives the form again: %o", (change) => {
  const before = draft(change);
  const { idempotency_key, ...request } = requestOf(before) ?? {};
  expect(draftOf(request as ExportParams)).toEqual(before);
});
