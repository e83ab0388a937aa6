import type { QueryClient } from "@tanstack/react-query";
import { createRouter, type RouterHistory } from "@tanstack/react-router";
import { rootRoute, shellRoute } from "@/app/root";
import { appRoutes } from "@/routes/apps";
import { componentRoutes } from "@/routes/components";
import { deviceRoutes } from "@/routes/devices";
import { experimentRoutes } from "@/routes/experiments";
import { exportRoutes } from "@/routes/exports";
import { homeRoutes } from "@/routes/home";
import { jobRoutes } from "@/routes/jobs";
import { loginRoute } from "@/routes/login";
import { modelRoutes } from "@/routes/models";
import { notificationRoutes } from "@/routes/notifications";
import { pluginRoutes } from "@/routes/plugins";
import { servingRoutes } from "@/routes/serving";
import { settingsRoutes } from "@/routes/settings";
import { taskRoutes } from "@/routes/tasks";
import { truthRoutes } from "@/routes/truth";

const routeTree = rootRoute.addChildren([
  loginRoute,
  shellRoute.addChildren([
    ...homeRoutes,
    ...taskRoutes,
    ...pluginRoutes,
    ...jobRoutes,
    ...modelRoutes,
    ...servingRoutes,
    ...experimentRoutes,
    ...componentRoutes,
    ...deviceRoutes,
    ...notificationRoutes,
    ...settingsRoutes,
    ...appRoutes,
    ...truthRoutes,
    ...exportRoutes,
  ]),
]);

export function createAppRouter(queryClient: QueryClient, history?: RouterHistory) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: "intent",
    scrollRestoration: true,
    ...(history === undefined ? {} : { history }),
  });
}

export type AppRouter = ReturnType<typeof createAppRouter>;

declare module "@tanstack/react-router" {
  interface Register {
    router: AppRouter;
  }
}
