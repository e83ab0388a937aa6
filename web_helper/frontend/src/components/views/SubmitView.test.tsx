import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { answer, experiment, refusal } from "@/test/research";

const DEVICES = answer("get", "/api/devices", []);
const NOTHING = { problems: [], run_count: 0, axes: [], runs: [], components: [] };
const GRID = {
  problems: [],
  run_count: 300,
  axes: [{ key: "lr", line: 2, values: ["0.1", "0.2"] }],
  runs: [{ grid: 0, name: "", choices: [{ key: "lr", value: "0.1" }] }],
  components: ["model/net.py"],
};
const PREVIEW = "/api/experiments/preview";

async function write(user: ReturnType<typeof renderView>["user"], text: string) {
  await user.click(await screen.findByRole("textbox", { name: "Config" }));
  await user.paste(text);
}

test("what is wrong with a config is said with its line, and it cannot be submitted", async () => {
  const problems = [
    { file: "config.yaml", line: 2, message: "there is no component model/gone.py" },
    { file: "loss/ce.py", line: 9, message: "imports nothing that is there" },
  ];
  const { user } = renderView("/experiments/new", DEVICES, answer("post", PREVIEW, { ...NOTHING, problems }));
  await write(user, "model: gone\n");

  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("2 problems");
  expect(alert).toHaveTextContent("Line 2: there is no component model/gone.py");
  expect(alert).toHaveTextContent("loss/ce.py, line 9: imports nothing that is there");
  expect(screen.getByRole("button", { name: "Submit" })).toBeDisabled();
});

test("before anything is written, the form says what will be shown", async () => {
  renderView("/experiments/new", DEVICES);

  expect(await screen.findByText(/Write a config, or paste one/)).toBeVisible();
  expect(screen.getByRole("textbox", { name: "Config" })).toHaveTextContent("agent:");
});

test("the grid is shown before it is submitted, and the list after", async () => {
  const sent: Record<string, unknown>[] = [];
  const submit = http.post("*/api/experiments", async ({ request }) => {
    sent.push((await request.json()) as Record<string, unknown>);
    return HttpResponse.json({ data: [experiment({ uid: "a" }), experiment({ uid: "b" })] }, { status: 201 });
  });
  const list = answer("get", "/api/experiments", []);
  const { user, router } = renderView("/experiments/new", DEVICES, answer("post", PREVIEW, GRID), submit, list);
  await write(user, "lr: [0.1, 0.2]\n");

  const table = await screen.findByRole("table", { name: "What this makes" });
  expect(within(table).getByRole("row", { name: "1 0.1" })).toBeVisible();
  expect(screen.getByText("and 299 more")).toBeVisible();
  expect(screen.getByText("model/net.py")).toBeVisible();
  await user.selectOptions(screen.getByRole("combobox", { name: "Priority" }), "high");
  await user.click(await screen.findByRole("button", { name: "Submit 300 runs" }));

  await expect.poll(() => router.state.location.pathname).toBe("/experiments");
  expect(sent).toMatchObject([{ priority: "high", file: "config.yaml", hold: false }]);
  expect(sent[0]?.config).toContain("lr: [0.1, 0.2]");
});

test("a refusal is shown at its field", async () => {
  const refused = refusal("post", "/api/experiments", 400, "name: is too long.", "name");
  const { user } = renderView("/experiments/new", DEVICES, answer("post", PREVIEW, GRID), refused);
  await write(user, "lr: [0.1, 0.2]\n");
  await user.click(await screen.findByRole("button", { name: "Submit 300 runs" }));

  expect(await screen.findByRole("alert")).toHaveTextContent("name: is too long.");
  expect(screen.getByRole("textbox", { name: "Name" })).toBeInvalid();
});
