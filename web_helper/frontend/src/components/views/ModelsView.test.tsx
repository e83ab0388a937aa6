import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { failing, pageOf, pending } from "@/test/pages";
import { RELEASE } from "@/test/plugins";
import { renderView } from "@/test/renderView";

const MODEL = {
  id: 1,
  name: "digits",
  version: "1.0.0",
  plugin_release_id: 7,
  data_file_id: 2,
  metadata: { accuracy: 0.98 },
  url: "/objects/x/digits",
  sha256: "cd".repeat(32),
  created: "2026-01-01T00:00:00Z",
};

test("it says that it loads, and that it failed", async () => {
  renderView("/models", pending("/v2/models/")).unmount();
  renderView("/models", failing("/v2/models/"));

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
});

test("where there is none it says how a training makes one", async () => {
  renderView("/models", pageOf("/v2/models/", []));

  expect(await screen.findByText("There is no model yet")).toBeVisible();
});

test("a model says what made it", async () => {
  const { user } = renderView("/models", pageOf("/v2/models/", [MODEL]), pageOf("/v2/plugin-releases/", [RELEASE]));

  expect(await screen.findByRole("link", { name: "trainer@1.0.0" })).toHaveAttribute(
    "href",
    "/plugins/trainer?version=1.0.0",
  );
  expect(screen.getByRole("link", { name: "Weights of digits" })).toHaveAttribute("href", MODEL.url);
  expect(screen.getByText(/"accuracy": 0.98/)).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Delete digits" }));
  expect(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Delete" })).toBeVisible();
});
