import type { QueryClient } from "@tanstack/react-query";
import { createRouter, type RouterHistory } from "@tanstack/react-router";
import { rootRoute, shellRoute } from "@/app/root";
import { homeRoutes } from "@/routes/home";
import { loginRoute } from "@/routes/login";

const routeTree = rootRoute.addChildren([loginRoute, shellRoute.addChildren([...homeRoutes])]);

export function createAppRouter(queryClient: QueryClient, history?: RouterHistory) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: "intent",
    scrollRestoration: true,
    ...(history === undefined ? {} : { history }),
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
