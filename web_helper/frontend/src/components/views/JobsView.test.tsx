import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { JOB } from "@/test/jobs";
import { failing, pageOf, pending } from "@/test/pages";
import { renderView } from "@/test/renderView";

const AGENTS = pageOf("/v2/agents/", [{ id: 3, name: "gpu-1", status: "connected", capacity: {} }]);

test("it says that it loads", async () => {
  renderView("/jobs", AGENTS, pending("/v2/jobs/"));

  expect(await screen.findByRole("heading", { name: "Jobs" })).toBeVisible();
  expect(screen.getByRole("status")).toHaveTextContent("Loading");
});

test("where nothing ran it says what to do", async () => {
  renderView("/jobs", AGENTS, pageOf("/v2/jobs/", []));

  expect(await screen.findByText("Nothing has run yet")).toBeVisible();
  expect(screen.getByRole("link", { name: "Choose a plugin" })).toHaveAttribute("href", "/plugins");
});

test("a failure is told and asked again", async () => {
  const { user } = renderView("/jobs", AGENTS, failing("/v2/jobs/"));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("alert")).toBeVisible();
});

test("runs are listed with their state, plugin, agent and error", async () => {
  const failed = { ...JOB, id: "b", status: "FAILED", error: "<b>out of memory</b>" };
  renderView("/jobs", AGENTS, pageOf("/v2/jobs/", [{ ...JOB, agent_id: 3 }, failed]));

  const table = await screen.findByRole("table", { name: "Jobs" });
  const [, first, second] = within(table).getAllByRole("row");
  expect(first).toHaveTextContent("Succeeded");
  expect(first).toHaveTextContent("trainer@1.0.0");
  expect(await within(table).findByText("gpu-1")).toBeVisible();
  expect(second).toHaveTextContent("<b>out of memory</b>");
  expect(within(table).getAllByRole("link", { name: "train" })[0]).toHaveAttribute("href", `/jobs/${JOB.id}`);
});

test("filters come from the address, go to the server, and change the address", async () => {
  const asked: string[] = [];
  const { user, router } = renderView(
    "/jobs?status=FAILED&plugin=trainer&agent=3&colour=red",
    AGENTS,
    http.get("*/v2/jobs/", ({ request }) => {
      asked.push(new URL(request.url).search);
      return HttpResponse.json({ data: [], meta: { request_id: "r", pagination: { next_cursor: null } } });
    }),
  );

  expect(await screen.findByText("No run is like this")).toBeVisible();
  expect(asked[0]).toContain("status=FAILED");
  expect(asked[0]).toContain("plugin=trainer");
  expect(asked[0]).toContain("agent=3");
  await user.selectOptions(screen.getByRole("combobox", { name: "Status" }), "Running");
  expect(router.state.location.search).toMatchObject({ status: "RUNNING", plugin: "trainer" });
  await user.type(screen.getByRole("textbox", { name: "Action" }), "train{Enter}");
  expect(router.state.location.search).toMatchObject({ action: "train" });
});
