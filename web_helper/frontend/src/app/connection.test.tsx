import { screen, waitForElementToBeRemoved } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { renderView } from "@/test/renderView";

const AGENTS = [
  {
    id: 1,
    name: "gpu-1",
    url: "http://gpu-1",
    status: "connected",
    capacity: {},
    last_seen_at: null,
    created: "2026-01-01T00:00:00Z",
  },
];

test("a server that is away is said, and what was asked comes when it is back", async () => {
  const server = { isThere: false };
  const { user } = renderView(
    "/settings/agents",
    http.get("*/health/", () => (server.isThere ? HttpResponse.json({ status: "ok" }) : HttpResponse.error())),
    http.get("*/v2/agents/", () =>
      server.isThere
        ? HttpResponse.json({ data: AGENTS, meta: { request_id: "r", pagination: { per_page: 200 } } })
        : HttpResponse.error(),
    ),
  );
  const banner = await screen.findByText(/The server cannot be reached/);

  server.isThere = true;
  await user.click(screen.getByRole("button", { name: "Look now" }));

  if (banner.isConnected) await waitForElementToBeRemoved(banner);
  expect(await screen.findByRole("cell", { name: "gpu-1" })).toBeVisible();
});
