import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";

const REFUSED = { error: { code: "AUTHENTICATION_REQUIRED", message: "Log in." }, meta: { request_id: "r1" } };

test("who is logged in sees the navigation and the view", async () => {
  renderView("/");

  expect(await screen.findByRole("navigation", { name: "Main navigation" })).toBeVisible();
  expect(await screen.findByRole("heading", { name: "Home", level: 1 })).toBeVisible();
});

test("who is not logged in gets the login, which leads back", async () => {
  const { router } = renderView(
    "/",
    http.get("*/users/me/", () => HttpResponse.json(REFUSED, { status: 401 })),
  );

  expect(await screen.findByRole("heading", { name: "Log in" })).toBeVisible();
  expect(router.state.location.search).toEqual({ next: "/" });
});

test("a server that fails is said, with the request's name", async () => {
  const failed = { error: { code: "INTERNAL_ERROR", message: "The server failed." }, meta: { request_id: "r42" } };
  renderView(
    "/",
    http.get("*/users/me/", () => HttpResponse.json(failed, { status: 500 })),
  );

  expect(await screen.findByRole("alert")).toHaveTextContent("The server failed.");
  expect(screen.getByText("Request r42")).toBeVisible();
});
