import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";
import { text } from "@/lib/search";

export const modelRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/models",
    validateSearch: (search): { search?: string | undefined } => ({ search: text(search.search) }),
    component: lazyRouteComponent(() => import("@/components/views/ModelsView"), "ModelsView"),
  }),
] as const;
