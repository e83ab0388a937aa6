import { createMemoryHistory } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { RequestHandler } from "msw";
import { App } from "@/app/App";
import { createQueryClient } from "@/app/queryClient";
import { createAppRouter } from "@/app/router";
import { server } from "@/test/server";

/** The whole app at a path, over these answers of the server; what it shows is found by role and name. */
export function renderView(path: string, ...handlers: RequestHandler[]) {
  server.use(...handlers);
  const queryClient = createQueryClient();
  queryClient.setDefaultOptions({ queries: { retry: false } });
  const router = createAppRouter(queryClient, createMemoryHistory({ initialEntries: [path] }));
  const user = userEvent.setup();
  return { user, router, queryClient, ...render(<App queryClient={queryClient} router={router} />) };
}
