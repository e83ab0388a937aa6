import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { EXPORT_STATUSES, EXPORT_TARGETS, type ExportFilters, type ExportTarget } from "@/api/exports";
import { shellRoute } from "@/app/root";
import { choice, text, wholeNumber } from "@/lib/search";

export interface ExportSearch extends ExportFilters {
  /** Whether the form is open. */
  new?: true | undefined;
  /** The job whose parameters the form begins with. */
  from?: string | undefined;
  target?: ExportTarget | undefined;
  version?: number | undefined;
}

export const exportRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/exports",
    validateSearch: (search): ExportSearch => ({
      status: choice(search.status, EXPORT_STATUSES),
      project: wholeNumber(search.project),
      new: search.new === true || search.new === "true" ? true : undefined,
      from: text(search.from),
      target: choice(search.target, EXPORT_TARGETS),
      version: wholeNumber(search.version),
    }),
    component: lazyRouteComponent(() => import("@/components/views/ExportsView"), "ExportsView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/exports/$jobId",
    component: lazyRouteComponent(() => import("@/components/views/ExportView"), "ExportView"),
  }),
] as const;
