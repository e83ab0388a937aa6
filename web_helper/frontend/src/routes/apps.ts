import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";
import { text } from "@/lib/search";

export const appRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/apps",
    /** `build`: the build whose output is shown. */
    validateSearch: (search): { build?: string | undefined } => ({ build: text(search.build) }),
    component: lazyRouteComponent(() => import("@/components/views/AppsView"), "AppsView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/apps/$id",
    component: lazyRouteComponent(() => import("@/components/views/AppView"), "AppView"),
  }),
] as const;
