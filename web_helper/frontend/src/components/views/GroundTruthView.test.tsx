import { screen, waitFor, within } from "@testing-library/react";
import { delay, HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";

const META = { request_id: "r", pagination: { next_cursor: null, previous_cursor: null, per_page: 50 } };
const DATASET = { id: 5, project_id: 3, name: "gold", description: "Checked twice", created: "2026-01-01T00:00:00Z" };

const page = (data: unknown[]) => HttpResponse.json({ data, meta: META });
const projects = http.get("*/v2/projects/", () => page([{ id: 3, name: "birds" }]));
const datasets = (data: unknown[]) => http.get("*/v2/ground-truth-datasets/", () => page(data));
const refuse = (status: number, code: string, message: string, details: unknown = null) =>
  HttpResponse.json({ error: { code, message, details }, meta: { request_id: "r" } }, { status });

test("while the list comes, it says so", async () => {
  renderView(
    "/ground-truth",
    projects,
    http.get("*/v2/ground-truth-datasets/", () => delay("infinite")),
  );
  expect(await screen.findByText("Loading")).toBeInTheDocument();
});

test("an empty list says what to do", async () => {
  renderView("/ground-truth", projects, datasets([]));
  expect(await screen.findByText("There is no ground truth yet")).toBeInTheDocument();
});

test("filters that match nothing can be cleared", async () => {
  const { user, router } = renderView("/ground-truth?search=silver", projects, datasets([]));
  await user.click(await screen.findByRole("link", { name: "Show all data sets" }));
  await waitFor(() => expect(router.state.location.search).toEqual({}));
});

test("a list that cannot be loaded says why", async () => {
  renderView(
    "/ground-truth",
    projects,
    http.get("*/v2/ground-truth-datasets/", () => refuse(403, "PERMISSION_DENIED", "Not for you.")),
  );
  expect(await screen.findByText("Not for you.")).toBeInTheDocument();
});

test("data sets stand with their projects", async () => {
  renderView("/ground-truth", projects, datasets([DATASET]));
  const table = await screen.findByRole("table", { name: "Ground truth" });
  await waitFor(() => expect(within(table).getByRole("row", { name: /gold birds Checked twice/ })).toBeInTheDocument());
});

test("a name that is taken is refused at its field", async () => {
  const { user } = renderView(
    "/ground-truth?project=3",
    projects,
    datasets([]),
    http.post("*/v2/ground-truth-datasets/", () => refuse(409, "CONFLICT", "Project 3 has a data set 'gold' already.")),
  );
  await user.click(await screen.findByRole("button", { name: "New data set" }));
  const dialog = within(await screen.findByRole("dialog"));
  await dialog.findByRole("option", { name: "birds" });
  await user.type(dialog.getByLabelText("Name"), "gold");
  await user.click(dialog.getByRole("button", { name: "Make it" }));
  await waitFor(() => expect(dialog.getByLabelText("Name")).toHaveAccessibleDescription(/already/));
});
