import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { CHANGE_KINDS, type ChangeKind, type DatasetFilters } from "@/api/truth";
import { shellRoute } from "@/app/root";
import { choice, text, wholeNumber } from "@/lib/search";

/** Two versions that are compared. */
export interface ComparisonSearch {
  version?: number | undefined;
  since?: number | undefined;
  kind?: ChangeKind | undefined;
}

export const truthRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/ground-truth",
    validateSearch: (search): DatasetFilters => ({ project: wholeNumber(search.project), search: text(search.search) }),
    component: lazyRouteComponent(() => import("@/components/views/GroundTruthView"), "GroundTruthView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/ground-truth/$datasetId",
    validateSearch: (search): ComparisonSearch => ({
      version: wholeNumber(search.version),
      since: wholeNumber(search.since),
      kind: choice(search.kind, CHANGE_KINDS),
    }),
    component: lazyRouteComponent(() => import("@/components/views/DatasetView"), "DatasetView"),
  }),
] as const;
