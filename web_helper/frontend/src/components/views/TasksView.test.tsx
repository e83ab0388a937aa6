import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeAll, expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answerOf, cardOf, failed, HOSTILE, pageOf, pages, project, tags, waiting } from "@/test/tasks";

const CARDS = "*/v2/task-cards/";
const VIEW = "/projects/7/tasks";

beforeAll(() => {
  // What jsdom does not lay out.
  Object.defineProperty(Element.prototype, "clientHeight", { configurable: true, value: 900 });
  Object.defineProperty(Element.prototype, "clientWidth", { configurable: true, value: 900 });
});

function cards(...found: object[]) {
  return http.get(CARDS, () => HttpResponse.json(pageOf(found)));
}

test("tasks are on their way", async () => {
  renderView(VIEW, project, tags, waiting("*/v2/task-cards/pages/"));
  expect(await screen.findByRole("heading", { name: "streets" })).toBeVisible();
  expect(screen.getAllByText("Loading").length).toBeGreaterThan(0);
});

test("without tasks, the command that imports them is shown", async () => {
  renderView(VIEW, project, tags, pages(0));
  expect(await screen.findByText("No tasks here yet")).toBeVisible();
  expect(screen.getByText(/--project "streets"$/)).toBeVisible();
});

test("filters that leave nothing can be cleared", async () => {
  const { user, router } = renderView(`${VIEW}?status=completed`, project, tags, pages(0));
  await user.click(await screen.findByRole("link", { name: "Clear filters" }));
  await waitFor(() => expect(router.state.location.search).toEqual({}));
});

test("a failure is said", async () => {
  renderView(VIEW, project, tags, failed("*/v2/task-cards/pages/"));
  expect(await screen.findByText("The server failed.")).toBeVisible();
});

test("cards lead to their tasks, and hostile names stay text", async () => {
  renderView(VIEW, project, tags, pages(2), cards(cardOf(1), cardOf(2, { name: HOSTILE, tags: [HOSTILE] })));
  const first = await screen.findByRole("link", { name: "task 1.jpg, Pending, 1 annotations" });
  expect(first).toHaveAttribute("href", "/projects/7/tasks/1");
  expect(screen.getByText("2 tasks")).toBeVisible();
  expect(screen.getByText(HOSTILE)).toBeVisible();
});

test("what is chosen in the filters is in the address and in the question", async () => {
  const asked: string[] = [];
  const watched = http.get(CARDS, ({ request }) => {
    asked.push(new URL(request.url).search);
    return HttpResponse.json(pageOf([cardOf(1)]));
  });
  const { user, router } = renderView(VIEW, project, tags, pages(1), watched);
  await screen.findByRole("option", { name: "dog" });
  await user.selectOptions(screen.getByRole("combobox", { name: "Class" }), "dog");
  await waitFor(() => expect(router.state.location.search).toEqual({ category: "dog" }));
  await waitFor(() => expect(asked.at(-1)).toContain("category=dog"));
});

test("tasks are selected with the keyboard and discarded after a question", async () => {
  const sent: unknown[] = [];
  const discard = http.post("*/v2/tasks/set-discarded/", async ({ request }) => {
    sent.push(await request.json());
    return HttpResponse.json(answerOf({ count: 2 }));
  });
  const { user } = renderView(VIEW, project, tags, pages(3), cards(cardOf(1), cardOf(2), cardOf(3)), discard);
  (await screen.findByRole("link", { name: /^task 1/ })).focus();
  await user.keyboard(" {Shift>}{ArrowRight}{/Shift}");
  const bar = await screen.findByRole("region", { name: "Selection" });
  expect(await within(bar).findByText("2 selected")).toBeVisible();
  await user.click(within(bar).getByRole("button", { name: "Discard" }));
  await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Discard" }));
  await waitFor(() => expect(sent).toEqual([{ ids: [1, 2], is_discarded: true }]));
});

test("statistics are loaded when they are asked for", async () => {
  const found = {
    tasks: 3,
    discarded: 0,
    statuses: { pending: 3, in_progress: 0, completed: 0 },
    annotations: 5,
    classes: [{ category: "car", annotations: 5 }],
    sizes: [{ category: "car", from_pixels: 32, up_to: 64, annotations: 5 }],
    counted: "2026-01-01T00:00:00Z",
  };
  const statistics = http.get("*/v2/projects/7/statistics/", () => HttpResponse.json(answerOf(found)));
  const { user } = renderView(VIEW, project, tags, pages(1), cards(cardOf(1)), statistics);
  await user.click(await screen.findByRole("button", { name: "Statistics" }));
  const classes = await screen.findByRole("table", { name: "Annotations by class" });
  expect(within(classes).getByRole("row", { name: "car 5" })).toBeVisible();
  expect(
    within(screen.getByRole("table", { name: "Sizes of boxes" })).getByRole("row", { name: "32 to 64 5" }),
  ).toBeVisible();
});
