import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { type ExperimentStatus, STATUSES } from "@/api/experiments";
import { shellRoute } from "@/app/root";

export interface ExperimentsSearch {
  status?: ExperimentStatus[] | undefined;
  project?: string | undefined;
  device?: string | undefined;
  /** Those that were chosen to be compared, at most two. */
  pick?: string[] | undefined;
}

export const EXPERIMENT_TABS = ["curves", "log", "manifest", "config"] as const;
export type ExperimentTab = (typeof EXPERIMENT_TABS)[number];

export const experimentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/experiments",
    validateSearch: (search): ExperimentsSearch => ({
      status: Array.isArray(search.status)
        ? STATUSES.filter((each) => (search.status as unknown[]).includes(each))
        : undefined,
      project: textOf(search.project),
      device: textOf(search.device),
      pick: Array.isArray(search.pick)
        ? search.pick.filter((each): each is string => typeof each === "string").slice(0, 2)
        : undefined,
    }),
    component: lazyRouteComponent(() => import("@/components/views/ExperimentsView"), "ExperimentsView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/experiments/new",
    component: lazyRouteComponent(() => import("@/components/views/SubmitView"), "SubmitView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/experiments/compare",
    validateSearch: (search): { a?: string | undefined; b?: string | undefined } => ({
      a: textOf(search.a),
      b: textOf(search.b),
    }),
    component: lazyRouteComponent(() => import("@/components/views/CompareView"), "CompareView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/experiments/$uid",
    validateSearch: (search): { tab?: ExperimentTab | undefined } => ({
      tab: EXPERIMENT_TABS.find((each) => each === search.tab),
    }),
    component: lazyRouteComponent(() => import("@/components/views/ExperimentView"), "ExperimentView"),
  }),
] as const;

function textOf(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text !== "" ? text : undefined;
}
