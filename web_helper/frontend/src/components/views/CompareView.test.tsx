import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, experiment, NEW, OLD, refusal, silence } from "@/test/research";

const COMPARE = "/api/experiments/compare";
const PATH = "/experiments/compare?a=a&b=b";
const CURVES = {
  curves: [{ name: "loss", points: [[1, 0.5]], point_count: 1, last: 0.5, not_finite: 0, first_not_finite: null }],
  row_count: 1,
};
const FOUND = {
  a: experiment({ uid: "a", name: "first" }),
  b: experiment({ uid: "b", name: "second", grid: 1, grid_size: 2, choices: [{ key: "seed", value: "8" }] }),
  config: [{ key: "lr", a: 0.1, b: null }],
  components: [{ key: "model/net.py", a: OLD, b: NEW }],
  environment: [],
  metrics: [
    { key: "loss", a: 0.5, b: 0.25 },
    { key: "accuracy", a: 0.9722222222222222, b: 0.9611111111111111 },
  ],
  same_metrics: false,
};

test("without two it says how to choose them", async () => {
  renderView("/experiments/compare?a=a");

  expect(await screen.findByText(/Choose two experiments/)).toBeVisible();
  expect(screen.getByRole("link", { name: "To the experiments" })).toHaveAttribute("href", "/experiments");
});

test("while the comparison comes, and when it fails, the view says so", async () => {
  renderView(PATH, silence(COMPARE)).unmount();
  renderView(PATH, refusal("get", COMPARE, 404, "There is no experiment b."));

  expect(await screen.findByRole("alert")).toHaveTextContent("There is no experiment b.");
});

test("config, components and metrics are told apart, and curves lie over each other", async () => {
  renderView(
    PATH,
    answer("get", COMPARE, FOUND),
    answer("get", "/api/experiments/a/curves", CURVES),
    answer("get", "/api/experiments/b/curves", CURVES),
  );

  const config = await screen.findByRole("table", { name: "Config" });
  expect(within(config).getByRole("row", { name: "lr 0.1 none" })).toBeVisible();
  expect(screen.getByTitle("seed: 8")).toBeVisible();
  expect(screen.getByRole("row", { name: "loss 0.5 0.25" })).toBeVisible();
  expect(screen.getByRole("row", { name: "accuracy 0.9722 0.9611" })).toBeVisible();
  expect(screen.getByTitle("0.9722222222222222")).toHaveTextContent("0.9722");
  expect(screen.getByRole("link", { name: "Show the difference: model/net.py" })).toHaveAttribute(
    "href",
    expect.stringContaining("from="),
  );
  expect(screen.getByText("No difference.")).toBeVisible();
  expect(await screen.findByRole("figure", { name: "loss" })).toBeVisible();
});
