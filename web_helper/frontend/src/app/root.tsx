/** The two frames: bare, and with the navigation around, which only those who are logged in see. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { ApiError } from "@/api/client";
import { sessionQueries } from "@/api/session";
import { Frame } from "@/app/Frame";
import { NotFound } from "@/app/NotFound";
import { RouteFailure } from "@/app/RouteFailure";

export const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Frame,
  notFoundComponent: NotFound,
  errorComponent: RouteFailure,
});

export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(sessionQueries.me());
    } catch (cause) {
      if (cause instanceof ApiError && cause.status === 401)
        throw redirect({ to: "/login", search: { next: location.href } });
      throw cause;
    }
  },
  component: lazyRouteComponent(() => import("@/app/Shell"), "Shell"),
});
