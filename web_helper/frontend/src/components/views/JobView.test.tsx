import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, test, vi } from "vitest";
import { JOB } from "@/test/jobs";
import { one, pageOf, pending, refusal } from "@/test/pages";
import { renderView } from "@/test/renderView";

const PATH = `/v2/jobs/${JOB.id}/`;
const AGENTS = pageOf("/v2/agents/", []);
const printed = (text: string) => one(`${PATH}console-logs/`, { console_logs: text, size_bytes: text.length });
const render = (query: string, ...handlers: Parameters<typeof renderView> extends [string, ...infer H] ? H : never) =>
  renderView(`/jobs/${JOB.id}${query}`, AGENTS, ...handlers);

beforeEach(() => {
  // jsdom lays nothing out; the log shows the lines that fit into its height.
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(400);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(800);
});

test("it says that it loads, and that there is no such run", async () => {
  render("", pending(PATH)).unmount();
  render(
    "",
    http.get(`*${PATH}`, () => refusal(404, "There is no job, or you may not see it.")),
  );

  expect(await screen.findByRole("alert")).toHaveTextContent("There is no job");
});

test("what it printed is text, whatever it holds", async () => {
  render("", one(PATH, JOB), printed("\u001b[31m<img src=x onerror=alert(1)>\u001b[0m\nsecond\n"));

  const log = await screen.findByRole("region", { name: "Output of the run" });
  expect(await within(log).findByText("<img src=x onerror=alert(1)>")).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
  expect(screen.getByText("2 lines")).toBeVisible();
});

test("of a hundred thousand lines a few are in the page, and all are searched", async () => {
  const lines = Array.from({ length: 100_000 }, (_, at) => `line ${at}`).join("\n");
  const { user } = render("", one(PATH, JOB), printed(`${lines}\n`));

  const log = await screen.findByRole("region", { name: "Output of the run" });
  expect(screen.getByText("100000 lines")).toBeVisible();
  expect(await within(log).findByText("line 0")).toBeVisible();
  expect(log.querySelectorAll("span").length).toBeLessThan(200);
  await user.type(screen.getByRole("searchbox", { name: "Search the log" }), "99999");
  expect(await screen.findByText("1 of 1")).toBeVisible();
});

test("a run that printed nothing says so", async () => {
  render("", one(PATH, JOB), printed(""));

  expect(await screen.findByText("It has printed nothing")).toBeVisible();
});

test("stopping asks first", async () => {
  const running = { ...JOB, status: "RUNNING", finished: null };
  let isStopped = false;
  const { user } = render(
    "",
    http.get(`*${PATH}`, () => {
      const state = isStopped ? { ...running, stop_requested_at: "2026-01-01T00:00:30Z" } : running;
      return HttpResponse.json({ data: state, meta: {} });
    }),
    printed("x\n"),
    http.post(`*${PATH}stop/`, () => {
      isStopped = true;
      return HttpResponse.json({ data: running, meta: {} });
    }),
  );

  await user.click(await screen.findByRole("button", { name: "Stop" }));
  expect(isStopped).toBe(false);
  await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Stop" }));
  expect(await screen.findByText("Stopping")).toBeVisible();
  expect(screen.getByRole("checkbox", { name: "Follow" })).toBeChecked();
});

test("running it again sends the same parameters and shows the new run", async () => {
  let sent: unknown;
  const { user, router } = render(
    "",
    one(PATH, JOB),
    printed("x\n"),
    http.post("*/v2/plugins/trainer/run/", async ({ request }) => {
      sent = await request.json();
      return HttpResponse.json({ data: { ...JOB, id: "next" }, meta: {} }, { status: 201 });
    }),
    pending("/v2/jobs/next/"),
  );

  await user.click(await screen.findByRole("button", { name: "Run again" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/jobs/next"));
  expect(sent).toMatchObject({ action: "train", version: "1.0.0", params: { epochs: 3 } });
});

test("measurements are named, with the newest figures", async () => {
  const job = { ...JOB, metrics_record: { record: { steps: { train: { loss: 0.0312 } } } } };
  const event = { id: 1, event: "metric", data: { category: "train", key: "loss", value: 1, metrics: { epoch: 1 } } };
  render("?tab=metrics", one(PATH, job), pageOf("/v2/job-logs/", [event]));

  expect(await screen.findByText("0.0312")).toBeVisible();
  expect(await screen.findByRole("figure", { name: "loss" }, { timeout: 20_000 })).toBeInTheDocument();
});

test("a failed run tells why, its parameters and its result", async () => {
  render("?tab=parameters", one(PATH, { ...JOB, status: "FAILED", error: "It broke.", result: null }));

  expect(await screen.findByRole("alert")).toHaveTextContent("It broke.");
  expect(screen.getByText(/"epochs": 3/)).toBeVisible();
});

test("its events are listed", async () => {
  const event = {
    id: 1,
    event: "message",
    level: "info",
    step: "a",
    datetime: "2026-01-01 00:00:00",
    data: { content: "hello" },
  };
  render("?tab=events", one(PATH, JOB), pageOf("/v2/job-logs/", [event]));

  expect(await screen.findByText("hello")).toBeVisible();
});
