/** The server as the views' tests have it; each test adds its own answers with `server.use`. */
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";

export const ME = {
  id: 1,
  email: "admin@localhost",
  name: "Admin",
  is_admin: true,
  is_active: true,
  created: "2026-01-01T00:00:00Z",
};

export const server = setupServer(http.get("*/users/me/", () => HttpResponse.json(ME)));
