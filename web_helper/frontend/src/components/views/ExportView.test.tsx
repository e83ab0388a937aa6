import { screen, waitFor, within } from "@testing-library/react";
import { delay, HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";

const ID = "0b0c5f0e-7c0e-4f0a-9f61-3c1e7e1f7d55";
const PARAMS = {
  name: "birds-coco",
  target: "task",
  project: 3,
  filter: { project: 3 },
  format: "coco",
  options: {},
  images: "copy",
  split: null,
  shard_items: null,
  strict: false,
  storage: 1,
};
const JOB = {
  job_id: ID,
  kind: "dataset",
  status: "RUNNING",
  progress: { processed: 0, total: null },
  params: PARAMS,
  command: "synapse export --project 3 --target task --format coco --out . --name birds-coco",
  created: "2026-01-01T00:00:00Z",
  steps: null as unknown,
};
const ARCHIVE = {
  name: "birds-coco.zip",
  size_bytes: 1234,
  sha256: "ab".repeat(32),
  file_count: 3,
  files: [{ path: "annotations.json", size_bytes: 700, sha256: "cd".repeat(32) }],
  url: "/objects/token/birds-coco.zip",
  expires_at: "2026-01-01T01:00:00Z",
  kept_until: "2026-01-02T00:00:00Z",
  report: {
    exported: 4,
    failed: 1,
    writer: { annotations: 6, annotations_skipped: 2, per_class: { cat: 5, dog: 1 }, splits: { "": 4 } },
    validation: { ok: true, warnings: [{ code: "w", path: "annotations.json", line: null, message: "an odd id" }] },
    losses: [{ item_id: 9, annotation_id: null, reason_code: "size_unknown", message: "its size is not known" }],
  },
};

const job = (data: unknown) => http.get(`*/v2/async-jobs/${ID}/`, () => HttpResponse.json({ data, meta: {} }));

function step(name: string, status: string, more: object = {}) {
  return { name, status, percent: status === "done" ? 100 : 0, ...more };
}

function events(...texts: string[]) {
  return http.get(`*/v2/async-jobs/${ID}/progress/`, () => {
    const body = new ReadableStream({
      start: (controller) => {
        for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
        // It stays open, as the server's does while the job runs.
      },
    });
    return new HttpResponse(body, { headers: { "Content-Type": "text/event-stream" } });
  });
}

function event(name: string, data: object) {
  return `id: 1\nevent: ${name}\ndata: ${JSON.stringify({ id: 1, event: name, ...data })}\n\n`;
}

test("while the job comes, it says so", async () => {
  renderView(
    `/exports/${ID}`,
    http.get("*/v2/async-jobs/*", () => delay("infinite")),
  );
  expect(await screen.findByText("Loading")).toBeInTheDocument();
});

test("a job that one may not see says so", async () => {
  const error = { code: "NOT_FOUND", message: "There is no async job x.", details: null };
  renderView(
    `/exports/${ID}`,
    http.get("*/v2/async-jobs/*", () => HttpResponse.json({ error, meta: { request_id: "r" } }, { status: 404 })),
  );
  expect(await screen.findByText("There is no async job x.")).toBeInTheDocument();
});

test("a job that waits shows all steps", async () => {
  renderView(`/exports/${ID}`, job({ ...JOB, status: "QUEUED" }), events());
  const steps = await screen.findByRole("list", { name: "Steps of the export" });
  expect(within(steps).getAllByRole("listitem")).toHaveLength(10);
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Waiting");
});

test("steps move with the events, and show rate and time left", async () => {
  const saving = { percent: 40, current: 400, total: 1000, rate: 50, seconds_remaining: 12 };
  renderView(
    `/exports/${ID}`,
    job({ ...JOB, status: "QUEUED" }),
    events(event("progress", { steps: [step("bundle_read", "done"), step("save_files", "running", saving)] })),
  );
  const row = await screen.findByText("400 of 1,000 · 50 a second · 12 s left");
  expect(row).toBeInTheDocument();
  expect(screen.getByRole("progressbar", { name: "Save the files" })).toHaveAttribute("aria-valuenow", "40");
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Running");
});

test("cancelling asks first", async () => {
  let cancelled = 0;
  const { user } = renderView(
    `/exports/${ID}`,
    job(JOB),
    events(),
    http.post(`*/v2/async-jobs/${ID}/cancel/`, () => {
      cancelled += 1;
      return HttpResponse.json({ data: JOB, meta: {} });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Cancel" }));
  const question = within(await screen.findByRole("alertdialog", { name: "Cancel this export?" }));
  expect(cancelled).toBe(0);
  await user.click(question.getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(cancelled).toBe(1));
});

test("a job that failed says why, and is resumed in a new one", async () => {
  const { user, router } = renderView(
    `/exports/${ID}`,
    job({ ...JOB, status: "FAILED", error: "The storage is full.", steps: [step("save_files", "failed")] }),
    http.post(`*/v2/dataset-exports/${ID}/resume/`, () =>
      HttpResponse.json({ data: { job_id: "next", status: "QUEUED", status_url: "" }, meta: {} }, { status: 202 }),
    ),
    http.get("*/v2/async-jobs/next/", () =>
      HttpResponse.json({ data: { ...JOB, job_id: "next", status: "CANCELLED", params: { ...PARAMS, resumes: ID } } }),
    ),
  );
  expect(await screen.findByText("The storage is full.")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Resume" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/exports/next"));
  expect(await screen.findByRole("link", { name: ID.slice(0, 8) })).toBeInTheDocument();
});

test("a finished job has its archive, its checksums and its report", async () => {
  renderView(
    `/exports/${ID}`,
    job({ ...JOB, status: "SUCCEEDED", archive: ARCHIVE, steps: [step("archive", "done")] }),
  );
  const link = await screen.findByRole("link", { name: /^Download/ });
  expect(link).toHaveAttribute("href", ARCHIVE.url);
  expect(screen.getByText(ARCHIVE.sha256)).toBeInTheDocument();
  expect(screen.getByText(/and 2 more/)).toBeInTheDocument();
  expect(screen.getByText("Keeps the format’s rules")).toBeInTheDocument();
  expect(screen.getByText("an odd id")).toBeInTheDocument();
  expect(screen.getByText("its size is not known")).toBeInTheDocument();
  expect(within(screen.getByRole("table", { name: "Annotations per class" })).getAllByRole("row")).toHaveLength(3);
  expect(screen.getByText(JOB.command)).toBeInTheDocument();
});

test("a job that only gathers rows shows how far it is", async () => {
  const params = { target: "assignment", project: 3, filter: {}, options: { include_files: true }, storage: 1 };
  const bundle = { ...JOB, kind: "export", params, command: null, progress: { processed: 40, total: 100 } };
  renderView(`/exports/${ID}`, job(bundle), events());
  expect(await screen.findByText("40 of 100")).toBeInTheDocument();
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Gathered rows");
  expect(screen.queryByRole("link", { name: "Repeat this export" })).not.toBeInTheDocument();
});

test("an archive whose time is over is said", async () => {
  renderView(`/exports/${ID}`, job({ ...JOB, status: "SUCCEEDED", archive: null }));
  expect(await screen.findByText(/was kept for its time/)).toBeInTheDocument();
});
