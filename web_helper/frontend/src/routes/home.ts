import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { homeQueries } from "@/api/home";
import { shellRoute } from "@/app/root";

export const homeRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/",
    // While its code comes.
    loader: ({ context }) => {
      void context.queryClient.prefetchQuery(homeQueries.read());
    },
    component: lazyRouteComponent(() => import("@/components/views/HomeView"), "HomeView"),
  }),
] as const;
