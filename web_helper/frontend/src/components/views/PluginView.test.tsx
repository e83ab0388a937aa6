import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { JOB } from "@/test/jobs";
import { one, pageOf, pending, refusal } from "@/test/pages";
import { PLUGIN, RELEASE } from "@/test/plugins";
import { renderView } from "@/test/renderView";

const AGENTS = pageOf("/v2/agents/", [
  { id: 3, name: "gpu-1", status: "connected", capacity: {} },
  { id: 4, name: "away", status: "disconnected", capacity: {} },
]);
const THERE = [one("/v2/plugins/trainer/", PLUGIN), pageOf("/v2/plugin-releases/", [RELEASE]), AGENTS];

test("it says that it loads, and that there is no such plugin", async () => {
  renderView("/plugins/trainer", pending("/v2/plugins/trainer/")).unmount();
  renderView(
    "/plugins/trainer",
    http.get("*/v2/plugins/trainer/", () => refusal(404, "There is no plugin trainer.")),
  );

  expect(await screen.findByRole("alert")).toHaveTextContent("There is no plugin trainer.");
});

test("a plugin without a release says how to publish one", async () => {
  renderView("/plugins/trainer", one("/v2/plugins/trainer/", PLUGIN), pageOf("/v2/plugin-releases/", []));

  expect(await screen.findByText("It has no release yet")).toBeVisible();
});

test("its actions can be run but for those that are served", async () => {
  renderView("/plugins/trainer", ...THERE);

  expect(await screen.findByRole("button", { name: "Run train" })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Run inference" })).toBeNull();
  expect(screen.getByRole("table", { name: "Releases" })).toHaveTextContent("1.0.0");
  expect(screen.getByRole("link", { name: "Archive of 1.0.0" })).toHaveAttribute("href", RELEASE.url);
});

test("the form is made from the schema, and sends what was set", async () => {
  let sent: Record<string, unknown> = {};
  const { user, router } = renderView(
    "/plugins/trainer",
    ...THERE,
    http.post("*/v2/plugins/trainer/run/", async ({ request }) => {
      sent = (await request.json()) as Record<string, unknown>;
      return HttpResponse.json({ data: { ...JOB, id: "next" }, meta: {} }, { status: 201 });
    }),
    pending("/v2/jobs/next/"),
  );

  await user.click(await screen.findByRole("button", { name: "Run train" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Run train" }));
  const epochs = dialog.getByRole("textbox", { name: "Epochs" });
  expect(epochs).toHaveValue("10");
  expect(epochs).toHaveAccessibleDescription("How often.");
  await user.clear(epochs);
  await user.type(epochs, "3");
  await user.selectOptions(dialog.getByRole("combobox", { name: "Size" }), "m");
  await user.click(dialog.getByRole("checkbox", { name: "Augment" }));
  await user.click(dialog.getByRole("button", { name: "Add to Layers" }));
  await user.type(dialog.getByRole("textbox", { name: "Layers 2" }), "32");
  await user.click(dialog.getByRole("checkbox", { name: "Set Second" }));
  await user.type(dialog.getByRole("textbox", { name: "Extra" }), '{{"a": [[1]}');
  await user.selectOptions(dialog.getByRole("combobox", { name: "Agent" }), "gpu-1");
  await user.click(dialog.getByRole("button", { name: "Run" }));

  await waitFor(() => expect(router.state.location.pathname).toBe("/jobs/next"));
  expect(sent).toMatchObject({ action: "train", version: "1.0.0", agent: 3, check_params: true });
  expect(sent.params).toEqual({
    epochs: 3,
    size: "m",
    optimiser: { rate: 0.1 },
    second: { rate: 0.1 },
    layers: [64, 32],
    augment: false,
    extra: { a: [1] },
  });
});

test("what the server refuses is told at the field, nested ones too", async () => {
  const { user } = renderView(
    "/plugins/trainer?run=train",
    ...THERE,
    http.post("*/v2/plugins/trainer/run/", () =>
      refusal(400, "params.epochs: 'x' is not of type 'integer'", {
        "params.epochs": "'x' is not of type 'integer'",
        "params.optimiser.rate": "is required.",
        "params.layers.0": "0 is less than the minimum of 1",
      }),
    ),
  );

  const dialog = within(await screen.findByRole("dialog", { name: "Run train" }));
  await user.click(dialog.getByRole("button", { name: "Run" }));
  const described = async (name: string, message: string) =>
    waitFor(() =>
      expect(dialog.getByRole("textbox", { name })).toHaveAccessibleDescription(expect.stringContaining(message)),
    );
  await described("Epochs", "is not of type");
  await described("Rate", "is required.");
  await described("Layers 1", "less than the minimum");
});

test("running with changes begins with the earlier run's parameters", async () => {
  renderView(
    `/plugins/trainer?run=train&from=${JOB.id}`,
    ...THERE,
    one(`/v2/jobs/${JOB.id}/`, { ...JOB, params: { epochs: 77 } }),
  );

  expect(await screen.findByRole("textbox", { name: "Epochs" })).toHaveValue("77");
});

test("an action without a schema takes its parameters as JSON", async () => {
  renderView("/plugins/trainer?run=old", ...THERE);

  expect(await screen.findByRole("textbox", { name: "Parameters as JSON" })).toBeVisible();
});
