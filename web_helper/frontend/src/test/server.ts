/** The server as the views' tests have it; each test adds its own answers with `server.use`. */
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import type { Home } from "@/api/home";

export const ME = {
  id: 1,
  email: "admin@localhost",
  name: "Admin",
  is_admin: true,
  is_active: true,
  created: "2026-01-01T00:00:00Z",
};

const NONE = { value: 0, is_more: false };
export const EMPTY_HOME: Home = {
  running: [],
  failed: [],
  conflicts: NONE,
  reviews: NONE,
  storages: [],
  projects: NONE,
  tasks: NONE,
  experiments: NONE,
  plugins: NONE,
};

export const server = setupServer(
  http.get("*/users/me/", () => HttpResponse.json(ME)),
  http.get("*/health/", () => HttpResponse.json({ status: "ok" })),
  http.get("*/v2/home/", () => HttpResponse.json({ data: EMPTY_HOME, meta: { request_id: "r" } })),
  // The bell of every page.
  http.get("*/api/notifications", () => HttpResponse.json({ data: [], meta: { request_id: "r" } })),
);
