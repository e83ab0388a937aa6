import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";

export const servingRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/serving",
    component: lazyRouteComponent(() => import("@/components/views/ServingView"), "ServingView"),
  }),
] as const;
