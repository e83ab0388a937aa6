import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";

export const notificationRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/notifications",
    validateSearch: (search): { show?: "all" | undefined } => ({ show: search.show === "all" ? "all" : undefined }),
    component: lazyRouteComponent(() => import("@/components/views/NotificationsView"), "NotificationsView"),
  }),
] as const;
