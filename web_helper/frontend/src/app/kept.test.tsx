/** What a person wrote, chose or began is theirs: no answer that comes meanwhile takes it away. */
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { act, fireEvent, renderHook, screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { appQueries } from "@/api/apps";
import { exportQueries } from "@/api/exports";
import { taskQueries } from "@/api/tasks";
import { useWords } from "@/components/useWords";
import { readDraft } from "@/lib/drafts";
import { one, pageOf, refusal } from "@/test/pages";
import { renderView } from "@/test/renderView";
import { answer, experiment } from "@/test/research";
import { answerOf, neighbours, project, taskOf } from "@/test/tasks";

const TASK = "*/v2/tasks/5/annotations/";
const JOB = {
  job_id: "0b0c5f0e-7c0e-4f0a-9f61-3c1e7e1f7d55",
  kind: "dataset",
  status: "FAILED",
  progress: { processed: 0, total: null },
  params: { name: "birds", target: "task", project: 3, filter: {}, format: "coco" },
  created: "2026-01-01T00:00:00Z",
};
const APP = {
  id: "3-1",
  agent: 3,
  agent_name: "gpu-1",
  plugin_release: "coins@1.0.0",
  model: null,
  status: "stopped",
  error: null,
  build_id: null,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};

/** A server that answers until it is told to fail. */
function failingLater(path: string, body: object) {
  const server = { fails: false };
  const handler = http.get(path, () =>
    server.fails ? refusal(500, "The server failed.") : HttpResponse.json({ data: body, meta: { request_id: "r" } }),
  );
  return { server, handler };
}

/** A look that fails, and what the page makes of it. */
async function lookAgain(queryClient: QueryClient, queryKey: QueryKey) {
  await queryClient.refetchQueries({ queryKey });
  expect(queryClient.getQueryState(queryKey)?.status).toBe("error");
  // What watches is told with the next turn.
  await act(() => new Promise<void>((resolve) => setTimeout(resolve)));
}

test("letters that come before the address has the earlier ones stay", () => {
  const asked: (string | undefined)[] = [];
  const { result, rerender } = renderHook(({ value }) => useWords(value, (next) => asked.push(next)), {
    initialProps: { value: undefined as string | undefined },
  });
  const type = (text: string) =>
    act(() => {
      result.current.setWords(text);
      result.current.send(text);
    });
  type("a");
  type("ab");

  rerender({ value: "a" });
  expect(result.current.words).toBe("ab");
  rerender({ value: "ab" });
  expect(result.current.words).toBe("ab");
  expect(asked).toEqual(["a", "ab"]);
  // Going back, and showing all.
  rerender({ value: "a" });
  expect(result.current.words).toBe("a");
  rerender({ value: undefined });
  expect(result.current.words).toBe("");
});

test("a box is ticked at once, and two that are ticked at once are both", async () => {
  const runs = ["a", "b"].map((uid) => experiment({ uid, name: `run-${uid}` }));
  renderView("/experiments", answer("get", "/api/devices", []), answer("get", "/api/experiments", runs));
  const first = await screen.findByRole("checkbox", { name: "Choose run-a to compare" });
  const second = screen.getByRole("checkbox", { name: "Choose run-b to compare" });

  fireEvent.click(first);
  expect(first).toBeChecked();
  fireEvent.click(second);
  expect(second).toBeChecked();

  const link = await screen.findByRole("link", { name: "Compare the two" });
  expect(link).toHaveAttribute("href", "/experiments/compare?a=a&b=b");
  expect(first).toBeChecked();
});

test("a second filter does not take the first away, however soon it comes", async () => {
  const agents = pageOf("/v2/agents/", [{ id: 3, name: "gpu-1", status: "connected", capacity: {} }]);
  const { router } = renderView("/jobs", agents, pageOf("/v2/jobs/", []));
  await screen.findByRole("option", { name: "gpu-1" });

  fireEvent.change(screen.getByRole("combobox", { name: "Status" }), { target: { value: "RUNNING" } });
  fireEvent.change(screen.getByRole("combobox", { name: "Agent" }), { target: { value: "3" } });

  await waitFor(() => expect(router.state.location.search).toEqual({ status: "RUNNING", agent: 3 }));
});

test("an export's form stays when what it began with cannot be read again", async () => {
  const { server, handler } = failingLater(`*/v2/async-jobs/${JOB.job_id}/`, JOB);
  const { user, queryClient } = renderView(
    `/exports?new=true&from=${JOB.job_id}`,
    handler,
    pageOf("/v2/projects/", [{ id: 3, name: "birds" }]),
    pageOf("/v2/storages/", []),
    http.post("*/v2/dataset-exports/preview/", () => refusal(500, "The server failed.")),
  );
  const name = await screen.findByRole("textbox", { name: "Name" });
  await user.type(name, " again");

  server.fails = true;
  await lookAgain(queryClient, exportQueries.one(JOB.job_id).queryKey);
  expect(name).toBeVisible();
  expect(name).toHaveValue("birds again");
});

test("an editor stays when its task cannot be read again", async () => {
  const { server, handler } = failingLater(TASK, taskOf());
  const { queryClient } = renderView("/projects/7/tasks/5", project, neighbours, handler);
  const heading = await screen.findByRole("heading", { name: "task 5.jpg" });

  server.fails = true;
  await lookAgain(queryClient, taskQueries.annotations(5).queryKey);
  expect(heading).toBeVisible();
});

test("a step that is taken back before it is sent leaves nothing to save", async () => {
  const sent: unknown[] = [];
  const read = http.get(TASK, () => HttpResponse.json(answerOf(taskOf())));
  const save = http.put(TASK, async ({ request }) => {
    sent.push(await request.json());
    return HttpResponse.json(answerOf(taskOf()));
  });
  renderView("/projects/7/tasks/5", project, neighbours, read, save);
  fireEvent.keyDown(await screen.findByRole("heading", { name: "task 5.jpg" }), { key: "n" });
  expect(screen.getByText("Not saved yet")).toBeVisible();
  fireEvent.keyDown(document.body, { key: "z", ctrlKey: true });

  expect(await screen.findByText("Saved")).toBeVisible();
  expect(readDraft(5)).toBeNull();
  expect(sent).toEqual([]);
});

test("an app is not looked at while it is removed", async () => {
  const asked: string[] = [];
  let remove = () => {};
  const { user, router, queryClient } = renderView(
    "/apps/3-1",
    http.get("*/v2/playground-containers/3-1/", () => {
      asked.push("it");
      return HttpResponse.json({ data: APP, meta: { request_id: "r" } });
    }),
    http.get("*/v2/playground-containers/", () => HttpResponse.json({ data: [], meta: { unreachable: [] } })),
    one("/v2/playground-hosts/", []),
    http.get("*/v2/playground-containers/3-1/logs/stream/", () => new Promise<never>(() => undefined)),
    http.delete("*/v2/playground-containers/3-1/", async () => {
      await new Promise<void>((resolve) => {
        remove = resolve;
      });
      return new HttpResponse(null, { status: 204 });
    }),
  );
  await user.click(await screen.findByRole("button", { name: "Remove coins@1.0.0" }));
  await user.click(screen.getByRole("button", { name: "Remove" }));
  await waitFor(() => expect(queryClient.isMutating()).toBe(1));
  const before = asked.length;

  await act(() => queryClient.invalidateQueries({ queryKey: appQueries.one("3-1").queryKey }));
  expect(asked).toHaveLength(before);
  remove();
  await waitFor(() => expect(router.state.location.pathname).toBe("/apps"));
});

test("an agent that is well again can make apps without a reload", async () => {
  const host = { agent: 3, name: "gpu-1", connected: true, engine: null };
  const server = { problem: "It did not answer in time." as string | null };
  renderView(
    "/apps",
    http.get("*/v2/playground-containers/", () => HttpResponse.json({ data: [], meta: { unreachable: [] } })),
    http.get("*/v2/playground-hosts/", () => HttpResponse.json({ data: [{ ...host, ...server }], meta: {} })),
  );
  expect(await screen.findByText("It did not answer in time.")).toBeVisible();

  server.problem = null;
  await waitFor(() => expect(screen.getByRole("button", { name: "Create an app" })).toBeEnabled());
});
