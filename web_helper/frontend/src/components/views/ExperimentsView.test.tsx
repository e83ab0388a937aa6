import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, experiment, HOSTILE, refusal, silence } from "@/test/research";

const DEVICES = answer("get", "/api/devices", []);
const LIST = "/api/experiments";

test("while the queue comes, the view says so", async () => {
  renderView("/experiments", DEVICES, silence(LIST));

  expect(await screen.findByRole("status")).toHaveTextContent("Loading");
});

test("without an experiment it says how to submit one", async () => {
  renderView("/experiments", DEVICES, answer("get", LIST, []));

  expect(await screen.findByText("There are no experiments yet")).toBeVisible();
  expect(screen.getByText("synapse experiment submit config.yaml")).toBeVisible();
});

test("a queue that fails is said", async () => {
  renderView("/experiments", DEVICES, refusal("get", LIST, 500, "The server failed."));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("the queue has states and priorities, and names stay text", async () => {
  const waiting = experiment({ uid: "u2", name: HOSTILE, status: "queued", priority: "urgent", device: null });
  renderView("/experiments", DEVICES, answer("get", LIST, [{ ...waiting, wanted_device: "gpu-9" }, experiment()]));

  const row = await screen.findByRole("row", { name: /onerror/ });
  expect(within(row).getByText("queued")).toBeVisible();
  expect(within(row).getByText("urgent")).toBeVisible();
  expect(within(row).getByText("wants gpu-9")).toBeVisible();
  expect(within(screen.getByRole("row", { name: /digits/ })).getByText("1 min 00 s")).toBeVisible();
});

test("the runs of a grid say what they took", async () => {
  const runs = ["0.1", "0.01"].map((value, grid) =>
    experiment({ uid: `u${grid}`, grid, grid_size: 2, choices: [{ key: "optimizer.lr", value }] }),
  );
  renderView("/experiments", DEVICES, answer("get", LIST, runs));

  expect(await screen.findByRole("row", { name: /run 1 of 2 ?optimizer\.lr: ?0\.1 / })).toBeVisible();
  expect(screen.getByRole("row", { name: /run 2 of 2 ?optimizer\.lr: ?0\.01 / })).toBeVisible();
});

test("filters are in the address, and are asked of the server", async () => {
  const asked: string[] = [];
  const list = http.get(`*${LIST}`, ({ request }) => {
    asked.push(new URL(request.url).search);
    return HttpResponse.json({ data: [] });
  });
  const { user, router } = renderView("/experiments", DEVICES, list);
  await user.selectOptions(await screen.findByRole("combobox", { name: "States" }), "ended");

  expect(await screen.findByText("No experiment matches these filters")).toBeVisible();
  const ended = ["completed", "failed", "cancelled", "expired", "crashed"];
  expect(router.state.location.search).toEqual({ status: ended });
  expect(asked.at(-1)).toContain(`status=${encodeURIComponent(ended.join(","))}`);
});

test("two are chosen, and compared", async () => {
  const runs = ["a", "b"].map((uid) => experiment({ uid, name: `run-${uid}` }));
  const { user } = renderView("/experiments", DEVICES, answer("get", LIST, runs));
  await user.click(await screen.findByRole("checkbox", { name: "Choose run-a to compare" }));
  await user.click(screen.getByRole("checkbox", { name: "Choose run-b to compare" }));

  expect(await screen.findByRole("link", { name: "Compare the two" })).toHaveAttribute(
    "href",
    "/experiments/compare?a=a&b=b",
  );
});
