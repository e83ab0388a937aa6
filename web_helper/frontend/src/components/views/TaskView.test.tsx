import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { keepDraft, readDraft } from "@/lib/drafts";
import { renderView } from "@/test/renderView";
import { answerOf, failed, HOSTILE, neighbours, project, taskOf, waiting } from "@/test/tasks";

// What jsdom lacks.
Element.prototype.scrollIntoView ??= () => undefined;

const TASK = "*/v2/tasks/5/annotations/";
const VIEW = "/projects/7/tasks/5";
const BOX = { id: 1, type: "bbox", category: "car", bbox: [10, 20, 30, 40] as [number, number, number, number] };

function task(more: object = {}) {
  return http.get(TASK, () => HttpResponse.json(answerOf(taskOf(more))));
}

/** A server that takes what is saved, and tells what that was. */
function saves() {
  const sent: { expected: string; data: { annotations: object[] }; status?: string }[] = [];
  const handler = http.put(TASK, async ({ request }) => {
    const body = (await request.json()) as (typeof sent)[number];
    sent.push(body);
    return HttpResponse.json(answerOf(taskOf({ revision: `r${sent.length}`, ...body })));
  });
  return { sent, handler };
}

function refused(status: number, message: string) {
  return HttpResponse.json({ error: { code: "CONFLICT", message }, meta: { request_id: "r1" } }, { status });
}

test("a task is on its way", async () => {
  renderView(VIEW, project, neighbours, waiting(TASK));
  expect(await screen.findByText("Loading")).toBeInTheDocument();
});

test("a task that is not there is said", async () => {
  renderView(VIEW, project, neighbours, failed(TASK));
  expect(await screen.findByText("The server failed.")).toBeVisible();
});

test("a task without annotations and picture says so", async () => {
  renderView(VIEW, project, neighbours, task({ data: null }));
  expect(await screen.findByText(/Nothing is annotated here yet/)).toBeVisible();
  expect(screen.getByText(/no picture that a browser can show/)).toBeVisible();
});

test("pre-annotations are marked with model, version and score; hostile classes stay text", async () => {
  const origin = {
    run_id: "x",
    producer: "detector",
    version: "2.1",
    model: "yolo",
    score: 0.8,
    created: "2026-01-01T00:00:00Z",
    is_untouched: true,
  };
  const data = {
    annotations: [
      { ...BOX, score: 0.75 },
      { id: 2, type: "mask", category: HOSTILE, segmentation: { counts: [1, 2], size: [3, 1] } },
    ],
  };
  renderView(VIEW, project, neighbours, task({ data, origin }));
  expect(await screen.findByText("Pre-annotated by detector")).toBeVisible();
  expect(screen.getByText("version 2.1 · model yolo · score 0.80")).toBeVisible();
  expect(screen.getByRole("button", { name: /car.*score 0.75/ })).toBeVisible();
  expect(screen.getByText(HOSTILE)).toBeVisible();
});

test("a step is saved over the revision it began with, and taken back with a key", async () => {
  const { sent, handler } = saves();
  renderView(VIEW, project, neighbours, task(), handler);
  fireEvent.keyDown(await screen.findByRole("heading", { name: "task 5.jpg" }), { key: "n" });
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.expected).toBe("a");
  expect(sent[0]?.data.annotations).toEqual([BOX, { id: 2, type: "bbox", category: "car", bbox: [256, 192, 128, 96] }]);
  await waitFor(() => expect(screen.getByText("Saved")).toBeVisible());
  expect(readDraft(5)).toBeNull();

  fireEvent.keyDown(document.body, { key: "z", ctrlKey: true });
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ expected: "r1", data: { annotations: [BOX] } });
});

test("what a person corrects is not the model's any more", async () => {
  const { sent, handler } = saves();
  const { user } = renderView(
    VIEW,
    project,
    neighbours,
    task({ data: { annotations: [{ ...BOX, score: 0.5 }] } }),
    handler,
  );
  await user.click(await screen.findByRole("button", { name: /^car/ }));
  await user.selectOptions(screen.getByRole("combobox", { name: "Class" }), "dog");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.data.annotations).toEqual([{ ...BOX, category: "dog" }]);
});

test("edits outlive a server that is away", async () => {
  const { sent, handler } = saves();
  let isAway = true;
  const flaky = http.put(TASK, () => (isAway ? HttpResponse.error() : undefined));
  renderView(VIEW, project, neighbours, task(), flaky, handler);
  fireEvent.keyDown(await screen.findByRole("heading", { name: "task 5.jpg" }), { key: "n" });
  expect((await screen.findAllByText(/Your edits are kept in this browser/))[0]).toBeInTheDocument();
  expect(readDraft(5)?.data.annotations).toHaveLength(2);
  isAway = false;
  await waitFor(() => expect(sent).toHaveLength(1), { timeout: 20_000 });
  await waitFor(() => expect(readDraft(5)).toBeNull());
});

test("edits that had not reached the server are there again", async () => {
  keepDraft(5, { revision: "a", data: { annotations: [] } });
  const { sent, handler } = saves();
  renderView(VIEW, project, neighbours, task(), handler);
  expect(await screen.findByText(/were restored from this browser/)).toBeVisible();
  await waitFor(() => expect(sent).toEqual([{ expected: "a", data: { annotations: [] } }]));
});

test("someone else's change is told, both versions can be seen, and one's own can be kept", async () => {
  let theirs = taskOf();
  const changing = http.get(TASK, () => HttpResponse.json(answerOf(theirs)));
  const sent: { expected: string }[] = [];
  const save = http.put(TASK, async ({ request }) => {
    const body = (await request.json()) as { expected: string };
    sent.push(body);
    if (body.expected !== theirs.revision) return refused(409, "Task 5 was changed by Ann.");
    return HttpResponse.json(answerOf(taskOf({ ...body, revision: "mine" })));
  });
  const { user } = renderView(VIEW, project, neighbours, changing, save);
  await screen.findByRole("heading", { name: "task 5.jpg" });
  theirs = taskOf({ revision: "b", changed_by: "Ann", changed: new Date().toISOString(), data: { annotations: [] } });
  fireEvent.keyDown(document.body, { key: "n" });
  const asked = await screen.findByRole("alert", { name: "Someone else changed this task" });
  expect(within(asked).getByText(/Ann changed this task/)).toBeVisible();
  await user.click(within(asked).getByRole("button", { name: "Show theirs" }));
  expect(screen.getByText(/Nothing is annotated here yet/)).toBeVisible();
  await user.click(within(asked).getByRole("button", { name: "Keep mine (2 annotations)" }));
  await waitFor(() => expect(sent.at(-1)?.expected).toBe("b"));
  await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
});

test("the keys are in a dialog", async () => {
  renderView(VIEW, project, neighbours, task());
  fireEvent.keyDown(await screen.findByRole("heading", { name: "task 5.jpg" }), { key: "?" });
  expect(await screen.findByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
});
