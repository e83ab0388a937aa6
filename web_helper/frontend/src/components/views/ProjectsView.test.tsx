import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";
import { failed, HOSTILE, PROJECT, pageOf, waiting } from "@/test/tasks";

const LIST = "*/v2/projects/";

test("projects are on their way", async () => {
  renderView("/projects", waiting(LIST));
  expect(await screen.findByRole("heading", { name: "Projects", level: 1 })).toBeVisible();
  expect(screen.getByText("Loading")).toBeInTheDocument();
});

test("without projects, the command that brings one is shown", async () => {
  renderView(
    "/projects",
    http.get(LIST, () => HttpResponse.json(pageOf([]))),
  );
  expect(await screen.findByText("There are no projects yet")).toBeVisible();
  expect(screen.getByText(/^synapse import coco/)).toBeVisible();
});

test("a failure is said and can be tried again", async () => {
  renderView("/projects", failed(LIST));
  expect(await screen.findByText("The server failed.")).toBeVisible();
  expect(screen.getByRole("button", { name: "Try again" })).toBeVisible();
});

test("projects lead to their tasks, and hostile names stay text", async () => {
  const projects = [PROJECT, { ...PROJECT, id: 8, name: HOSTILE, configuration: {} }];
  renderView(
    "/projects",
    http.get(LIST, () => HttpResponse.json(pageOf(projects))),
  );
  expect(await screen.findByRole("link", { name: "streets" })).toHaveAttribute("href", "/projects/7/tasks");
  expect(screen.getByRole("link", { name: HOSTILE })).toBeVisible();
  expect(screen.queryByRole("img")).toBeNull();
});

test("what the server says of a new project stands at the field", async () => {
  const message = "name: String should have at least 1 character";
  const body = {
    error: { code: "VALIDATION_ERROR", message, details: [{ field: "name", message }] },
    meta: { request_id: "r2" },
  };
  const { user } = renderView(
    "/projects",
    http.get(LIST, () => HttpResponse.json(pageOf([PROJECT]))),
    http.post(LIST, () => HttpResponse.json(body, { status: 400 })),
  );
  await user.click(await screen.findByRole("button", { name: "New project" }));
  await user.click(screen.getByRole("button", { name: "Create" }));
  expect(await screen.findByRole("textbox", { name: "Name" })).toHaveAccessibleDescription(message);
});
