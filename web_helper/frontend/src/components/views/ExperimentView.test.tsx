import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, experiment, HOSTILE, NEW, refusal, silence } from "@/test/research";

const ONE = "/api/experiments/run1";
const CURVE = {
  name: "loss",
  points: [
    [1, 0.5],
    [2, 0.25],
  ],
  point_count: 2,
  last: 0.25,
  not_finite: 3,
  first_not_finite: 9,
};
const NO_CURVES = answer("get", `${ONE}/curves`, { curves: [], row_count: 0 });

test("while the run comes, and when there is none, the view says so", async () => {
  renderView("/experiments/run1", silence(ONE)).unmount();
  renderView("/experiments/run1", refusal("get", ONE, 404, "There is no experiment run1."));

  expect(await screen.findByRole("alert")).toHaveTextContent("There is no experiment run1.");
});

test("a run without metrics says what writes them", async () => {
  renderView("/experiments/run1", answer("get", ONE, experiment({ status: "running" })), NO_CURVES);

  expect(await screen.findByText("No metrics yet")).toBeVisible();
});

test("metrics are curves, their last values a table, and what is no number is told", async () => {
  renderView(
    "/experiments/run1",
    answer("get", ONE, experiment()),
    answer("get", `${ONE}/curves`, { curves: [CURVE], row_count: 5 }),
  );

  expect(await screen.findByRole("figure", { name: "loss" })).toBeVisible();
  expect(within(screen.getByRole("table", { name: "Last values" })).getByText("0.25")).toBeVisible();
  expect(screen.getByRole("alert")).toHaveTextContent("loss: 3 values are no numbers, from 9 on.");
});

test("the log comes as it is printed, and stays text", async () => {
  const event = JSON.stringify({ offset: 40, text: `epoch 1\n${HOSTILE}\n` });
  const stream = `id: 40\nevent: log\ndata: ${event}\n\nevent: end\ndata: completed\n\n`;
  const log = http.get(`*${ONE}/log`, () =>
    HttpResponse.text(stream, { headers: { "Content-Type": "text/event-stream" } }),
  );
  const { user } = renderView("/experiments/run1?tab=log", answer("get", ONE, experiment()), log);

  // jsdom lays nothing out, so no line is in view; all of them are there and searched.
  expect(await screen.findByRole("region", { name: "Log of digits" })).toBeVisible();
  expect(screen.getByText("2 lines")).toBeVisible();
  await user.type(screen.getByRole("searchbox", { name: "Search the log" }), "onerror");
  expect(await screen.findByText("1 of 1")).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
});

test("the manifest names every version, and the command that brings them back is there", async () => {
  const manifest = {
    components: { "model/net.py": { hash: NEW, sha256: "a".repeat(64) } },
    core_hash: "c".repeat(16),
    base_hash: "d".repeat(16),
    config_sha256: "e".repeat(64),
    host: "gpu-1",
    python: "3.12",
    environment: { torch: "2.13" },
  };
  renderView("/experiments/run1?tab=manifest", answer("get", ONE, experiment({ manifest })));

  const table = await screen.findByRole("table", { name: "Manifest" });
  expect(within(table).getByRole("link", { name: "model/net.py" })).toHaveAttribute(
    "href",
    expect.stringContaining("/components?path=model%2Fnet.py"),
  );
  expect(screen.getByRole("row", { name: "torch 2.13" })).toBeVisible();
  expect(screen.getByText("synapse component restore run1")).toBeVisible();
});

test("a run that has not begun shows what is frozen for it", async () => {
  renderView("/experiments/run1?tab=manifest", answer("get", ONE, experiment({ status: "queued", started_at: null })));

  expect(await screen.findByText(/It has not begun/)).toBeVisible();
  expect(screen.getByRole("link", { name: "model/net.py" })).toBeVisible();
});

test("a whole grid is cancelled after a question, and how many runs that were is said", async () => {
  const run = answer("get", ONE, experiment({ status: "queued", grid_size: 30 }));
  const moved = answer("post", `${ONE}/grid`, { moved: 29, left: 1 });
  const { user } = renderView("/experiments/run1", run, NO_CURVES, moved);

  await user.click(await screen.findByRole("button", { name: "Cancel the grid" }));
  const question = await screen.findByRole("alertdialog", { name: "Cancel all 30 runs of this grid?" });
  await user.click(within(question).getByRole("button", { name: "Cancel the grid" }));

  expect(await screen.findByText("29 runs are cancelled.")).toBeVisible();
});

test("cancelling asks first; what the server refuses is said", async () => {
  const refused = refusal("post", `${ONE}/cancel`, 409, "It has ended.");
  const running = answer("get", ONE, experiment({ status: "running", finished_at: null }));
  const { user } = renderView("/experiments/run1", running, NO_CURVES, refused);
  await user.click(await screen.findByRole("button", { name: "Cancel" }));
  await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Cancel" }));

  expect(await screen.findByRole("alert")).toHaveTextContent("It has ended.");
});

test("reproducing leads to the new run", async () => {
  const again = experiment({ uid: "run2", reproduces: "run1", status: "queued" });
  const { user, router } = renderView(
    "/experiments/run1",
    answer("get", ONE, experiment()),
    NO_CURVES,
    answer("post", `${ONE}/reproduce`, again),
    answer("get", "/api/experiments/run2", again),
    answer("get", "/api/experiments/run2/curves", { curves: [], row_count: 0 }),
  );
  await user.click(await screen.findByRole("button", { name: "Reproduce" }));

  expect(await screen.findByRole("link", { name: "run1" })).toBeVisible();
  expect(router.state.location.pathname).toBe("/experiments/run2");
});
