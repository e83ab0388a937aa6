import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { failing, pageOf, pending } from "@/test/pages";
import { RELEASE } from "@/test/plugins";
import { renderView } from "@/test/renderView";

const LIST = "/v2/serve-applications/";
const AGENT = { id: 3, name: "gpu-1", status: "connected", capacity: { num_cpus: 8, memory_bytes: 16e9, num_gpus: 0 } };
const AGENTS = pageOf("/v2/agents/", [AGENT]);
const APPLICATION = {
  id: 1,
  name: "yolo@1.0.0",
  status: "RUNNING",
  message: "",
  agent_id: 3,
  plugin_code: "yolo",
  version: "1.0.0",
  num_replicas: 2,
  replicas: 1,
  resources: { num_cpus: 1.5, memory: 1e9, num_gpus: 0 },
  endpoint: "",
  changed: "2026-01-01T00:00:00Z",
};

test("it says that it loads, and that it failed", async () => {
  renderView("/serving", AGENTS, pending(LIST)).unmount();
  renderView("/serving", AGENTS, failing(LIST));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("where nothing is served, capacity is shown all the same", async () => {
  renderView("/serving", AGENTS, pageOf(LIST, []));

  expect(await screen.findByText("No model is served")).toBeVisible();
  expect(screen.getByText("0 of 8 held")).toBeVisible();
  expect(screen.queryByText("GPUs")).toBeNull();
});

test.each([
  ["NOT_STARTED", "Not started"],
  ["DEPLOYING", "Deploying"],
  ["DEPLOY_FAILED", "Deployment failed"],
  ["RUNNING", "Running"],
  ["UNHEALTHY", "Unhealthy"],
  ["DELETING", "Deleting"],
  ["UNAVAILABLE", "Unavailable"],
])("state %s is told in words, with its message", async (status, words) => {
  renderView("/serving", AGENTS, pageOf(LIST, [{ ...APPLICATION, status, message: "<i>why</i>" }]));

  const row = within(await screen.findByRole("table", { name: "Applications" })).getAllByRole("row")[1];
  expect(row).toHaveTextContent(words);
  expect(row).toHaveTextContent("<i>why</i>");
});

test("what applications hold of an agent is shown as a bar and in words", async () => {
  const failed = { ...APPLICATION, id: 2, name: "sam@1", status: "DEPLOY_FAILED" };
  renderView("/serving", AGENTS, pageOf(LIST, [APPLICATION, failed]));

  expect(await screen.findByText("3 of 8 held")).toBeVisible();
  expect(screen.getByRole("progressbar", { name: "gpu-1: Cores" })).toHaveAttribute("aria-valuenow", "38");
  expect(screen.getAllByText("1 of 2")).toHaveLength(2);
});

test("deleting asks first", async () => {
  let isDeleted = false;
  const { user } = renderView(
    "/serving",
    AGENTS,
    pageOf(LIST, [APPLICATION]),
    http.delete(`*${LIST}1/`, () => {
      isDeleted = true;
      return new HttpResponse(null, { status: 204 });
    }),
  );

  await user.click(await screen.findByRole("button", { name: "Delete yolo@1.0.0" }));
  expect(isDeleted).toBe(false);
  await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(isDeleted).toBe(true));
});

test("deploying chooses a release that has a deployment, then asks for its parameters", async () => {
  const deployable = { ...RELEASE, id: 8, version: "2.0.0", config: { actions: { deployment: { method: "job" } } } };
  const { user } = renderView(
    "/serving",
    AGENTS,
    pageOf(LIST, []),
    pageOf("/v2/plugin-releases/", [RELEASE, deployable]),
  );

  await user.click(await screen.findByRole("button", { name: "Deploy" }));
  const release = await screen.findByRole("combobox", { name: "Release" });
  expect(
    within(release)
      .getAllByRole("option")
      .map((option) => option.textContent),
  ).toEqual(["trainer@2.0.0"]);
  await user.click(screen.getByRole("button", { name: "Next" }));
  expect(await screen.findByRole("dialog", { name: "Run deployment" })).toBeVisible();
});
