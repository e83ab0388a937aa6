import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";

export const deviceRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/devices",
    component: lazyRouteComponent(() => import("@/components/views/DevicesView"), "DevicesView"),
  }),
] as const;
