import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { JOB_STATUSES, type JobFilters } from "@/api/jobs";
import { shellRoute } from "@/app/root";
import { choice, text, wholeNumber } from "@/lib/search";

export const JOB_TABS = ["log", "metrics", "events", "parameters"] as const;

export const jobRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/jobs",
    validateSearch: (search): JobFilters => ({
      status: choice(search.status, JOB_STATUSES),
      plugin: text(search.plugin),
      action: text(search.action),
      agent: wholeNumber(search.agent),
    }),
    component: lazyRouteComponent(() => import("@/components/views/JobsView"), "JobsView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/jobs/$jobId",
    validateSearch: (search): { tab?: (typeof JOB_TABS)[number] | undefined } => ({
      tab: choice(search.tab, JOB_TABS),
    }),
    component: lazyRouteComponent(() => import("@/components/views/JobView"), "JobView"),
  }),
] as const;
