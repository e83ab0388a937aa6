import { screen, within } from "@testing-library/react";
import { delay, HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { Home, WorkItem } from "@/api/home";
import { renderView } from "@/test/renderView";
import { EMPTY_HOME } from "@/test/server";

const HOSTILE = "<img src=x onerror=alert(1)><b>bold</b>";
const some = (value: number, is_more = false) => ({ value, is_more });

function item(fields: Partial<WorkItem>): WorkItem {
  return { kind: "job", id: "1", title: "detect train", status: "running", created: "2026-01-01T00:00:00Z", ...fields };
}

const show = (home: Partial<Home>) =>
  renderView(
    "/",
    http.get("*/v2/home/", () => HttpResponse.json({ data: { ...EMPTY_HOME, ...home }, meta: { request_id: "r" } })),
  );

test("says that it is loading", async () => {
  renderView(
    "/",
    http.get("*/v2/home/", () => delay("infinite")),
  );

  expect(await screen.findByRole("heading", { name: "Home", level: 1 })).toBeVisible();
  expect(screen.getByRole("status")).toHaveTextContent("Loading");
});

test("an empty platform shows the way in", async () => {
  show({});

  expect(await screen.findByText("Nothing here yet")).toBeVisible();
  expect(screen.getByText("synapse demo")).toBeVisible();
  expect(screen.getByText("Nothing waits for you.")).toBeVisible();
  expect(screen.getByText("Nothing runs at the moment.")).toBeVisible();
});

test("a failure is said, and can be tried again", async () => {
  let isWell = false;
  const failed = { error: { code: "INTERNAL_ERROR", message: "The disk is gone." }, meta: { request_id: "r42" } };
  const { user } = renderView(
    "/",
    http.get("*/v2/home/", () =>
      isWell
        ? HttpResponse.json({ data: EMPTY_HOME, meta: { request_id: "r" } })
        : HttpResponse.json(failed, { status: 500 }),
    ),
  );
  expect(await screen.findByText("The disk is gone.")).toBeVisible();
  expect(screen.getByText("Request r42")).toBeVisible();

  isWell = true;
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Nothing here yet")).toBeVisible();
});

test("what runs is named with how far it is, and leads to its page", async () => {
  show({
    projects: some(1),
    running: [
      item({ kind: "export", id: "e1", title: "assignment", processed: 30, total: 120 }),
      item({ kind: "experiment", id: "x1", title: "resnet 50", status: "queued" }),
    ],
  });

  const running = within(await screen.findByRole("list", { name: "Runs now" }));
  expect(running.getByRole("progressbar", { name: "Progress of assignment" })).toHaveAttribute("aria-valuenow", "25");
  expect(running.getByText("30 of 120")).toBeVisible();
  expect(running.getByRole("link", { name: "assignment" })).toHaveAttribute("href", "/exports/e1");
  expect(running.getByRole("link", { name: "resnet 50" })).toHaveAttribute("href", "/experiments/x1");
  expect(running.getByText("Waiting")).toBeVisible();
});

test("what waits for somebody is counted, and what failed says why", async () => {
  show({
    projects: some(1),
    conflicts: some(1),
    reviews: some(10_000, true),
    failed: [item({ id: "j9", status: "failed", error: "No GPU." })],
  });

  expect(await screen.findByRole("link", { name: "1 conflict on a device" })).toHaveAttribute("href", "/notifications");
  expect(screen.getByRole("link", { name: "10,000+ annotations to review" })).toBeVisible();
  const failed = within(screen.getByRole("list", { name: "Failed in the last three days" }));
  expect(failed.getByText("No GPU.")).toBeVisible();
  expect(failed.getByText("Failed")).toBeVisible();
});

test("storages tell what they hold, and when their disk is almost full", async () => {
  const disk = { provider: "file_system", used_bytes: 2_500_000, free_bytes: 5e9, total_bytes: 1e11 };
  show({
    projects: some(3),
    storages: [
      { storage_id: 1, name: "default", ...disk },
      { storage_id: 2, name: "bucket", provider: "s3", used_bytes: 0, free_bytes: null, total_bytes: null },
    ],
  });

  expect(await screen.findByText("2.5 MB in files")).toBeVisible();
  expect(screen.getByText("5 GB free of 100 GB on its disk")).toBeVisible();
  expect(screen.getAllByText("Almost full")).toHaveLength(1);
});

test("names are text, whatever is in them", async () => {
  const { container } = show({
    projects: some(1),
    running: [item({ title: HOSTILE })],
    failed: [item({ id: "2", status: "failed", error: HOSTILE })],
    storages: [{ storage_id: 1, name: HOSTILE, provider: "s3", used_bytes: 0, free_bytes: null, total_bytes: null }],
  });

  expect(await screen.findAllByText(HOSTILE)).toHaveLength(3);
  expect(container.querySelector("img, b")).toBeNull();
});
