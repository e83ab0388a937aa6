import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, experiment, refusal, silence } from "@/test/research";

const NONE = answer("get", "/api/experiments", []);
const DEVICE = {
  host_id: "gpu-1",
  status: "stale",
  last_seen_at: new Date(Date.now() - 45_000).toISOString(),
  created_at: "2026-01-01T00:00:00Z",
  active_jobs: ["run1"],
  report: {
    cpu_percent: 40,
    cpu_count: 16,
    memory_used_bytes: 8e9,
    memory_total_bytes: 32e9,
    gpus: [{ index: 0, name: "H100", utilization_percent: 87, memory_used_bytes: 60e9, memory_total_bytes: 80e9 }],
    torch_version: "2.13.0",
    slots: 2,
  },
};
const NEVER = {
  ...DEVICE,
  host_id: "new-1",
  status: "disconnected",
  last_seen_at: null,
  active_jobs: [],
  report: null,
};

test("while the devices come, the view says so", async () => {
  renderView("/devices", NONE, silence("/api/devices"));

  expect(await screen.findByRole("status")).toHaveTextContent("Loading");
});

test("without a device it says what to type where", async () => {
  renderView("/devices", NONE, answer("get", "/api/devices", []));

  expect(await screen.findByText("No device has joined yet")).toBeVisible();
  expect(screen.getByText(/synapse worker up --server/)).toBeVisible();
});

test("devices that cannot be read are said", async () => {
  renderView("/devices", NONE, refusal("get", "/api/devices", 500, "The server failed."));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("a card says how a device is, when it was heard, what it has, and what it runs", async () => {
  const runs = answer("get", "/api/experiments", [experiment({ status: "running" })]);
  renderView("/devices", runs, answer("get", "/api/devices", [DEVICE, NEVER]));

  const card = await screen.findByRole("region", { name: "gpu-1" });
  expect(within(card).getByText("stale")).toBeVisible();
  expect(within(card).getByText(/4\d seconds ago/)).toBeVisible();
  expect(within(card).getByText("H100 · 87 %")).toBeVisible();
  expect(within(card).getByRole("progressbar", { name: "Memory of GPU 0" })).toHaveAttribute("aria-valuenow", "75");
  expect(await within(card).findByRole("link", { name: "digits" })).toHaveAttribute("href", "/experiments/run1");
  const other = screen.getByRole("region", { name: "new-1" });
  expect(within(other).getByText("never heard from")).toBeVisible();
  expect(within(other).getByText("It takes nothing until it is heard from again.")).toBeVisible();
});

test("enrolling shows the key once, with what to do with it", async () => {
  const enrolled = answer("post", "/api/devices", { host_id: "gpu-2", token: "syn_secret" });
  const { user } = renderView("/devices", NONE, answer("get", "/api/devices", []), enrolled);
  await user.click(await screen.findByRole("button", { name: "Enrol a device" }));
  await user.type(await screen.findByRole("textbox", { name: "Name of the device" }), "gpu-2");
  await user.click(screen.getByRole("button", { name: "Enrol" }));

  expect(await screen.findByText("syn_secret")).toBeVisible();
  expect(screen.getByText(/host.json/)).toHaveTextContent('"host_id":"gpu-2"');
  await user.click(screen.getByRole("button", { name: "Done" }));
  expect(screen.queryByText("syn_secret")).toBeNull();
});

test("a name that the server refuses is said at its field", async () => {
  const refused = refusal("post", "/api/devices", 400, "host_id: has a space in it.", "host_id");
  const { user } = renderView("/devices", NONE, answer("get", "/api/devices", []), refused);
  await user.click(await screen.findByRole("button", { name: "Enrol a device" }));
  await user.type(await screen.findByRole("textbox", { name: "Name of the device" }), "gpu 2");
  await user.click(screen.getByRole("button", { name: "Enrol" }));

  expect(await screen.findByRole("alert")).toHaveTextContent("has a space in it.");
  expect(screen.getByRole("textbox", { name: "Name of the device" })).toBeInvalid();
});

test("a device is removed after asking, and a refusal is said", async () => {
  const { user } = renderView(
    "/devices",
    NONE,
    answer("get", "/api/devices", [NEVER]),
    refusal("delete", "/api/devices/new-1", 403, "Somebody else let it join."),
  );
  await user.click(await screen.findByRole("button", { name: "Remove new-1" }));
  const dialog = await screen.findByRole("alertdialog", { name: "Remove new-1?" });
  await user.click(within(dialog).getByRole("button", { name: "Delete" }));

  expect(await screen.findByRole("alert")).toHaveTextContent("Somebody else let it join.");
});

test("a device that was removed is listed no more", async () => {
  let devices = [NEVER];
  const { user } = renderView(
    "/devices",
    NONE,
    http.get("*/api/devices", () => HttpResponse.json({ data: devices })),
    http.delete("*/api/devices/new-1", () => {
      devices = [];
      return new HttpResponse(null, { status: 204 });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Remove new-1" }));
  await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Delete" }));

  expect(await screen.findByText("No device has joined yet")).toBeVisible();
});
