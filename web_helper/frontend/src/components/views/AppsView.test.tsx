import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, test, vi } from "vitest";
import { failing, one, pageOf, pending, refusal } from "@/test/pages";
import { RELEASE } from "@/test/plugins";
import { renderView } from "@/test/renderView";

const LIST = "/v2/playground-containers/";
const APP = {
  id: "3-1",
  agent: 3,
  agent_name: "gpu-1",
  plugin_release: "coins@1.0.0",
  model: null,
  status: "running",
  error: null,
  build_id: "b1",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};
const HOSTS = one("/v2/playground-hosts/", [{ agent: 3, name: "gpu-1", connected: true, engine: null, problem: null }]);
const apps = (...data: object[]) =>
  http.get(`*${LIST}`, () => HttpResponse.json({ data, meta: { request_id: "r", unreachable: [] } }));
const log = (path: string, ...lines: { type: string; message: string }[]) =>
  http.get(`*${path}`, () => {
    const events = lines.map((line, at) => `id: ${at}\ndata: ${JSON.stringify({ ...line, position: at })}\n\n`);
    return new HttpResponse(events.join(""), { headers: { "Content-Type": "text/event-stream" } });
  });

beforeEach(() => {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(400);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(800);
});

test("it says that it loads, and that it failed", async () => {
  renderView("/apps", HOSTS, pending(LIST)).unmount();
  renderView("/apps", HOSTS, failing(LIST));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("where no agent can make containers it says why, and creates none", async () => {
  const problem = "Docker does not answer; start it, then try again.";
  renderView(
    "/apps",
    one("/v2/playground-hosts/", [{ agent: 3, name: "gpu-1", connected: true, engine: null, problem }]),
    apps(),
  );

  expect(await screen.findByText(problem)).toBeVisible();
  expect(screen.getByRole("button", { name: "Create an app" })).toBeDisabled();
});

test("apps are listed; a stopped one can be started, a running one opened", async () => {
  const { user } = renderView(
    "/apps",
    HOSTS,
    apps(APP, { ...APP, id: "3-2", plugin_release: "old@1", status: "stopped" }),
    http.post(`*${LIST}3-2/start/`, () => refusal(409, "Its agent is full.")),
  );

  const open = await screen.findByRole("link", { name: "Open coins@1.0.0 in a new tab" });
  expect(open).toHaveAttribute("href", "/playground/3-1/");
  await user.click(screen.getByRole("button", { name: "Start old@1" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("Its agent is full.");
});

test("an app is created from a release with its variables; what is refused is told at the field", async () => {
  let sent: unknown;
  const release = { ...RELEASE, config: { actions: { gradio: { entrypoint: "plugin.gradio_interface.app" } } } };
  const { user } = renderView(
    "/apps",
    HOSTS,
    apps(),
    pageOf("/v2/plugin-releases/", [release]),
    pageOf("/v2/models/", []),
    http.post(`*${LIST}`, async ({ request }) => {
      sent = await request.json();
      return refusal(400, "envs: HOME is set by the agent", { envs: "HOME is set by the agent" });
    }),
  );

  await waitFor(() => expect(screen.getByRole("button", { name: "Create an app" })).toBeEnabled());
  await user.click(screen.getByRole("button", { name: "Create an app" }));
  const envs = await screen.findByRole("textbox", { name: "Variables" });
  await user.type(envs, "HOME=/x{Enter}A=b=c");
  await user.click(screen.getByRole("button", { name: "Create" }));
  await waitFor(() => expect(envs).toHaveAccessibleDescription(expect.stringContaining("HOME is set by the agent")));
  expect(sent).toEqual({ plugin_release: "trainer@1.0.0", params: {}, envs: { HOME: "/x", A: "b=c" } });
});

test("a build that failed shows the output of its step and why", async () => {
  renderView(
    "/apps?build=b1",
    HOSTS,
    apps(),
    one("/v2/playground-builds/b1/", { id: "b1", plugin_release: "coins@1", status: "failed", error: "pip failed." }),
    log(
      "/v2/playground-builds/b1/logs/stream/",
      { type: "log", message: "\u001b[31mNo matching distribution\u001b[0m\n" },
      { type: "error", message: "Step 4 failed." },
    ),
  );

  const dialog = within(await screen.findByRole("dialog", { name: "Building coins@1" }));
  expect(await dialog.findByText("No matching distribution")).toBeVisible();
  expect(dialog.getByText("pip failed.")).toBeVisible();
  expect(dialog.getByText("Step 4 failed.")).toBeVisible();
});

test("a running app is embedded, walled in, with its log beside it", async () => {
  renderView(
    "/apps/3-1",
    one(`${LIST}3-1/`, APP),
    log(`${LIST}3-1/logs/stream/`, { type: "log", message: "listening" }, { type: "complete", message: "" }),
  );

  const frame = await screen.findByTitle("App coins@1.0.0");
  expect(frame).toHaveAttribute("src", "/playground/3-1/");
  expect(frame.getAttribute("sandbox")).not.toContain("allow-same-origin");
  expect(await screen.findByText("listening")).toBeVisible();
});

test("removing an app asks first", async () => {
  let isRemoved = false;
  const { user, router } = renderView(
    "/apps/3-1",
    HOSTS,
    apps(),
    one(`${LIST}3-1/`, { ...APP, status: "stopped" }),
    log(`${LIST}3-1/logs/stream/`, { type: "complete", message: "" }),
    http.delete(`*${LIST}3-1/`, () => {
      isRemoved = true;
      return new HttpResponse(null, { status: 204 });
    }),
  );

  expect(await screen.findByText("It is stopped")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Remove coins@1.0.0" }));
  expect(isRemoved).toBe(false);
  await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Remove" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/apps"));
  expect(isRemoved).toBe(true);
});
