import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";

export interface ComponentsSearch {
  path?: string | undefined;
  /** The version that is shown; the active one where it is left out. */
  hash?: string | undefined;
  /** The version that it is compared with. */
  from?: string | undefined;
  /** Versions that shall be activated together, as `path@hash`. */
  set?: string[] | undefined;
  show?: "changes" | undefined;
}

export const componentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/components",
    validateSearch: (search): ComponentsSearch => ({
      path: textOf(search.path),
      hash: textOf(search.hash),
      from: textOf(search.from),
      set: Array.isArray(search.set) ? search.set.filter((each) => typeof each === "string") : undefined,
      show: search.show === "changes" ? "changes" : undefined,
    }),
    component: lazyRouteComponent(() => import("@/components/views/ComponentsView"), "ComponentsView"),
  }),
] as const;

// The router reads `0123456789012345` as a number when somebody writes it by hand.
function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
