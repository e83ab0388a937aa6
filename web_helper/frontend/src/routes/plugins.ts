import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";
import { text } from "@/lib/search";

export interface PluginSearch {
  version?: string | undefined;
  /** The action whose form is open. */
  run?: string | undefined;
  /** The job whose parameters the form begins with. */
  from?: string | undefined;
}

export const pluginRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/plugins",
    validateSearch: (search): { search?: string | undefined } => ({ search: text(search.search) }),
    component: lazyRouteComponent(() => import("@/components/views/PluginsView"), "PluginsView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/plugins/$code",
    validateSearch: (search): PluginSearch => ({
      version: text(search.version),
      run: text(search.run),
      from: text(search.from),
    }),
    component: lazyRouteComponent(() => import("@/components/views/PluginView"), "PluginView"),
  }),
] as const;
