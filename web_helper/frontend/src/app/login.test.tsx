import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { afterEach, expect, test } from "vitest";
import { followEvents } from "@/api/events";
import { pathBack } from "@/app/leadToLogin";
import { takeKeyFromAddress } from "@/app/oneClick";
import { renderView } from "@/test/renderView";
import { ME, server } from "@/test/server";

const KEY = "syn_good";

function refusal(message: string, details: object[] = []) {
  const error = { code: "AUTHENTICATION_REQUIRED", message, details };
  return HttpResponse.json({ error, meta: { request_id: "r1" } }, { status: 401 });
}

/** A server that knows one key, and who is logged in. */
function session(state: { isOpen: boolean }) {
  return [
    http.post("*/v2/session/", async ({ request }) => {
      const body = (await request.json()) as { key: string };
      if (body.key !== KEY) {
        const message = "The access token is unknown.";
        return refusal(message, [{ field: "key", message }]);
      }
      state.isOpen = true;
      return new HttpResponse(null, { status: 204 });
    }),
    http.delete("*/v2/session/", () => {
      state.isOpen = false;
      return new HttpResponse(null, { status: 204 });
    }),
    http.get("*/users/me/", () => (state.isOpen ? HttpResponse.json(ME) : refusal("Log in."))),
    http.get("*/v2/tokens/", () =>
      state.isOpen
        ? HttpResponse.json({ data: [], meta: { request_id: "r", pagination: { per_page: 100 } } })
        : refusal("Log in."),
    ),
  ];
}

afterEach(() => history.replaceState(null, "", "/"));

test("a wrong key is refused at its field, a good one leads back to where one was", async () => {
  const { user, router } = renderView("/settings/tokens", ...session({ isOpen: false }));
  const field = await screen.findByLabelText("Access key");

  await user.type(field, "syn_wrong");
  await user.click(screen.getByRole("button", { name: "Log in" }));
  expect(await screen.findByText("The access token is unknown.")).toBeVisible();
  expect(field).toHaveAccessibleDescription(/The access token is unknown/);

  await user.clear(field);
  await user.type(field, KEY);
  await user.click(screen.getByRole("button", { name: "Log in" }));
  expect(await screen.findByRole("heading", { name: "Access tokens" })).toBeVisible();
  expect(router.state.location.pathname).toBe("/settings/tokens");
});

test("a session that ends while one works brings the login, and then back", async () => {
  const state = { isOpen: true };
  const { user, router, queryClient } = renderView("/settings/tokens", ...session(state));
  expect(await screen.findByText("You have no tokens")).toBeVisible();

  state.isOpen = false;
  await queryClient.invalidateQueries({ queryKey: ["tokens"] });
  await user.type(await screen.findByLabelText("Access key"), KEY);
  expect(router.state.location.search).toEqual({ next: "/settings/tokens" });
  await user.click(screen.getByRole("button", { name: "Log in" }));

  expect(await screen.findByText("You have no tokens")).toBeVisible();
});

test("a stream that is refused brings the login, too", async () => {
  const state = { isOpen: true };
  const { router } = renderView(
    "/settings/tokens",
    http.get("*/v2/async-jobs/1/progress/", () => refusal("The access token has expired.")),
    ...session(state),
  );
  expect(await screen.findByText("You have no tokens")).toBeVisible();

  const following = followEvents("/v2/async-jobs/1/progress/", {
    onEvent: () => undefined,
    signal: new AbortController().signal,
  });

  await expect(following).rejects.toThrow("The access token has expired.");
  expect(await screen.findByLabelText("Access key")).toBeVisible();
  expect(router.state.location.search).toEqual({ next: "/settings/tokens" });
});

test("logging out ends the session and shows the login", async () => {
  const state = { isOpen: true };
  const { user } = renderView("/settings/tokens", ...session(state));

  await user.click(await screen.findByRole("button", { name: "Log out" }));

  expect(await screen.findByRole("heading", { name: "Log in" })).toBeVisible();
  expect(state.isOpen).toBe(false);
});

test("the one-click link opens a session, and its key leaves the address", async () => {
  const state = { isOpen: false };
  server.use(...session(state));
  history.replaceState(null, "", `/jobs?q=1#token=${KEY}`);

  const entering = takeKeyFromAddress();
  expect(location.href).toMatch(/\/jobs\?q=1$/);
  expect(await entering).toBe(true);
  expect(state.isOpen).toBe(true);
});

test("a one-click link that is too old is as none", async () => {
  server.use(...session({ isOpen: false }));
  history.replaceState(null, "", "/#token=syn_old");

  expect(await takeKeyFromAddress()).toBe(false);
  expect(location.hash).toBe("");
});

test.each([undefined, "", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"])(
  "after the login %s leads nowhere else",
  (next) => expect(pathBack(next)).toBe("/"),
);

test("after the login one is where one was", () => {
  expect(pathBack("/jobs/5?log=1")).toBe("/jobs/5?log=1");
});

test("language and theme can be chosen before one is logged in, and are kept", async () => {
  const { user } = renderView("/login", ...session({ isOpen: false }));
  await user.selectOptions(await screen.findByLabelText("Language"), "ko");
  expect(await screen.findByRole("heading", { name: "로그인" })).toBeVisible();
  expect(document.documentElement.lang).toBe("ko");

  await user.click(screen.getByRole("button", { name: /테마/ }));
  expect(document.documentElement).toHaveClass("dark");
  expect(localStorage.getItem("synapse-theme")).toBe("dark");
  await user.click(screen.getByRole("button", { name: /테마/ }));
  await user.selectOptions(screen.getByLabelText("언어"), "en");
  await waitFor(() => expect(document.documentElement.lang).toBe("en"));
  expect(document.documentElement).not.toHaveClass("dark");
});
