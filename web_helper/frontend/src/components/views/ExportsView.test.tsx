import { screen, waitFor, within } from "@testing-library/react";
import { delay, HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";

const META = { request_id: "r", pagination: { next_cursor: null, previous_cursor: null, per_page: 50 } };
const PROJECT = { id: 3, name: "birds" };
const PARAMS = {
  name: "birds-coco",
  target: "task",
  project: 3,
  filter: { project: 3, status: "completed", search: "owl" },
  format: "coco",
  options: { task: "segmentation" },
  images: "none",
  split: { train: 0.9, val: 0.1 },
  shard_items: null,
  strict: true,
  storage: 1,
};
const JOB = {
  job_id: "0b0c5f0e-7c0e-4f0a-9f61-3c1e7e1f7d55",
  kind: "dataset",
  status: "FAILED",
  progress: { processed: 0, total: null },
  params: PARAMS,
  error: "The storage is full.",
  created: "2026-01-01T00:00:00Z",
};

const page = (data: unknown[]) => HttpResponse.json({ data, meta: META });
const projects = http.get("*/v2/projects/", () => page([PROJECT]));
const storages = http.get("*/v2/storages/", () => page([{ id: 1, name: "default" }]));
const jobs = (data: unknown[]) => http.get("*/v2/async-jobs/", () => page(data));
const preview = (answer: () => Response | Promise<Response>) => http.post("*/v2/dataset-exports/preview/", answer);

test("while the history comes, it says so", async () => {
  renderView(
    "/exports",
    projects,
    http.get("*/v2/async-jobs/", () => delay("infinite")),
  );
  expect(await screen.findByText("Loading")).toBeInTheDocument();
});

test("an empty history offers the form and the command", async () => {
  const { user, router } = renderView("/exports", projects, storages, jobs([]));
  expect(await screen.findByText("Nothing has been exported yet")).toBeInTheDocument();
  expect(screen.getByText(/^synapse export/)).toBeInTheDocument();
  await user.click(screen.getAllByRole("link", { name: "New export" })[0] as HTMLElement);
  expect(await screen.findByRole("region", { name: "New export" })).toBeInTheDocument();
  expect(router.state.location.search).toEqual({ new: true });
});

test("a history that cannot be loaded says why, and is asked for again", async () => {
  const error = { code: "PERMISSION_DENIED", message: "Not for you.", details: null };
  renderView(
    "/exports",
    projects,
    http.get("*/v2/async-jobs/", () => HttpResponse.json({ error, meta: { request_id: "r" } }, { status: 403 })),
  );
  expect(await screen.findByText("Not for you.")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Try again" })).toBeInTheDocument();
});

test("the history shows jobs, asked for by the filters of the address", async () => {
  let asked = "";
  renderView(
    "/exports?status=FAILED&project=3",
    projects,
    http.get("*/v2/async-jobs/", ({ request }) => {
      asked = new URL(request.url).search;
      return page([JOB]);
    }),
  );
  const table = await screen.findByRole("table", { name: "Exports" });
  const row = within(table).getByRole("row", { name: /birds-coco/ });
  expect(row).toHaveTextContent("Failed");
  expect(row).toHaveTextContent("The storage is full.");
  expect(asked).toContain("kind=dataset");
  expect(asked).toContain("status=FAILED");
  expect(asked).toContain("project=3");
});

test("repeating an export fills the form in, and asks for the same", async () => {
  let sent: unknown;
  const { user, router } = renderView(
    `/exports?new=true&from=${JOB.job_id}`,
    projects,
    storages,
    jobs([]),
    http.get(`*/v2/async-jobs/${JOB.job_id}/`, () => HttpResponse.json({ data: JOB, meta: { request_id: "r" } })),
    preview(() => HttpResponse.json({ data: { count: 2, files: [] }, meta: { request_id: "r" } })),
    http.post("*/v2/dataset-exports/", async ({ request }) => {
      sent = await request.json();
      return HttpResponse.json(
        { data: { job_id: "next", status: "QUEUED", status_url: "" }, meta: {} },
        { status: 202 },
      );
    }),
    http.get("*/v2/async-jobs/next/", () => HttpResponse.json({ data: { ...JOB, job_id: "next" }, meta: {} })),
  );
  expect(await screen.findByText("2 items match")).toBeInTheDocument();
  await screen.findByRole("option", { name: "birds" });
  await screen.findByRole("option", { name: "default" });
  await user.click(screen.getByRole("button", { name: "Start the export" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/exports/next"));
  const { filter, project, ...others } = PARAMS;
  expect(sent).toEqual({ ...others, project: 3, filter: { status: "completed", search: "owl" } });
});

test("the preview shows the first item converted, and what cannot be carried", async () => {
  const loss = { item_id: 7, annotation_id: 1, reason_code: "unknown_class", message: "no class fish" };
  const file = { path: "annotations.json", size_bytes: 12, text: '{"images":[]}', is_whole: true };
  const data = { count: 1, item_id: 7, item_name: "owl.jpg", files: [file], losses: [loss] };
  renderView(
    `/exports?new=true&from=${JOB.job_id}`,
    projects,
    storages,
    http.get(`*/v2/async-jobs/${JOB.job_id}/`, () => HttpResponse.json({ data: JOB, meta: {} })),
    preview(() => HttpResponse.json({ data, meta: {} })),
  );
  const shown = within(await screen.findByRole("region", { name: "Preview" }));
  expect(await shown.findByText('{"images":[]}')).toBeInTheDocument();
  expect(shown.getByText("no class fish")).toBeInTheDocument();
});

test("what the server refuses stands at its field", async () => {
  const details = [
    { field: "split", message: "adds up to 0.9, not to 1." },
    { field: "filter.colour", message: "is not a filter of tasks." },
  ];
  const error = { code: "VALIDATION_ERROR", message: "split: adds up to 0.9.", details };
  renderView(
    `/exports?new=true&from=${JOB.job_id}`,
    projects,
    storages,
    http.get(`*/v2/async-jobs/${JOB.job_id}/`, () => HttpResponse.json({ data: JOB, meta: {} })),
    preview(() => HttpResponse.json({ error, meta: { request_id: "r" } }, { status: 400 })),
  );
  expect(await screen.findByText("adds up to 0.9, not to 1.")).toBeInTheDocument();
  expect(screen.getByLabelText("Split")).toHaveAccessibleDescription("adds up to 0.9, not to 1.");
  expect(screen.getByLabelText("More filters")).toHaveAccessibleDescription(/colour: is not a filter of tasks/);
});
