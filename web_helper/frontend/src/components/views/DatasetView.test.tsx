import { screen, within } from "@testing-library/react";
import { delay, HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";

const META = { request_id: "r", pagination: { next_cursor: null, previous_cursor: null, per_page: 50 } };
const DATASET = { id: 5, project_id: 3, name: "gold", description: "Checked twice", created: "2026-01-01T00:00:00Z" };
const version = (id: number, name: string) => ({
  id,
  dataset_id: 5,
  name,
  description: `note of ${name}`,
  event_count: id,
  created: "2026-01-01T00:00:00Z",
});
const DIFFERENCE = {
  since: 7,
  version: 8,
  added: 1,
  removed: 0,
  changed: 1,
  unchanged: 6,
  classes: { cat: { before: 2, after: 3 }, dog: { before: 1, after: 0 } },
  counted: 2,
  is_whole: false,
};

const one = (data: unknown) => HttpResponse.json({ data, meta: { request_id: "r" } });
const page = (data: unknown[]) => HttpResponse.json({ data, meta: META });
const dataset = http.get("*/v2/ground-truth-datasets/5/", () => one(DATASET));
const versions = (...data: unknown[]) => http.get("*/v2/ground-truth-dataset-versions/", () => page(data));
const PAIR = [version(8, "1.1"), version(7, "1.0")];

test("while the data set comes, it says so", async () => {
  renderView(
    "/ground-truth/5",
    http.get("*/v2/ground-truth-datasets/5/", () => delay("infinite")),
    versions(),
  );
  expect(await screen.findByText("Loading")).toBeInTheDocument();
});

test("a data set that one may not see says so", async () => {
  const error = { code: "NOT_FOUND", message: "There is no ground truth dataset 5.", details: null };
  renderView(
    "/ground-truth/5",
    http.get("*/v2/ground-truth-datasets/5/", () =>
      HttpResponse.json({ error, meta: { request_id: "r" } }, { status: 404 }),
    ),
  );
  expect(await screen.findByText("There is no ground truth dataset 5.")).toBeInTheDocument();
});

test("collecting tells what it did", async () => {
  const { user } = renderView(
    "/ground-truth/5",
    dataset,
    versions(),
    http.post("*/v2/ground-truth-datasets/5/collect/", () => one({ inserted: 3, updated: 1, unchanged: 2 })),
  );
  expect(await screen.findByText("Nothing is released yet")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Collect completed work" }));
  expect(await screen.findByText("3 added, 1 changed, 2 as they were.")).toBeInTheDocument();
});

test("a release sends its name and its note", async () => {
  let sent: unknown;
  const { user } = renderView(
    "/ground-truth/5",
    dataset,
    versions(...PAIR),
    http.post("*/v2/ground-truth-datasets/5/versions/", async ({ request }) => {
      sent = await request.json();
      return HttpResponse.json({ data: version(9, "1.2"), meta: {} }, { status: 201 });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Release a version" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText("Name"), "1.2");
  await user.type(dialog.getByLabelText("Note"), "more");
  await user.click(dialog.getByRole("button", { name: "Release" }));
  await screen.findByRole("table", { name: "Versions" });
  expect(sent).toEqual({ name: "1.2", description: "more" });
});

test("two versions are compared by the address: classes, items, and what was not counted", async () => {
  const change = {
    kind: "changed",
    data_unit_id: 1,
    data_unit_name: "owl.jpg",
    before: { cat: 1, dog: 1 },
    after: { cat: 2 },
  };
  const { user, router } = renderView(
    "/ground-truth/5?version=8&since=7",
    dataset,
    versions(...PAIR),
    http.get("*/v2/ground-truth-dataset-versions/8/difference/", () => one(DIFFERENCE)),
    http.get("*/v2/ground-truth-dataset-versions/8/changes/", ({ request }) =>
      page(new URL(request.url).searchParams.get("kind") === "changed" ? [change] : []),
    ),
  );
  const classes = within(await screen.findByRole("table", { name: "Annotations per class in what changed" }));
  expect(classes.getByRole("row", { name: "cat 2 3 +1" })).toBeInTheDocument();
  expect(classes.getByRole("row", { name: "dog 1 0 -1" })).toBeInTheDocument();
  expect(screen.getByText("Counted over the first 2 items that changed.")).toBeInTheDocument();
  expect(await screen.findByText("Nothing was added")).toBeInTheDocument();
  await user.click(screen.getByRole("tab", { name: "Changed (1)" }));
  expect(await screen.findByRole("row", { name: "owl.jpg 1 cat, 1 dog 2 cat" })).toBeInTheDocument();
  expect(router.state.location.search).toEqual({ version: 8, since: 7, kind: "changed" });
});

test("a version leads to its export", async () => {
  renderView("/ground-truth/5", dataset, versions(...PAIR));
  const link = await screen.findByRole("link", { name: "Export version 1.1" });
  expect(link.getAttribute("href")).toContain("version=8");
  expect(link.getAttribute("href")).toContain("target=ground_truth");
});
