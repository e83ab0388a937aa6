import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { ORDERS, REVIEWS, type TaskFilters, WORK_STATUSES } from "@/api/tasks";
import { shellRoute } from "@/app/root";
import { choice, text } from "@/lib/search";

function flag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** The filters of the grid, which the editor keeps for next and previous. */
function taskFilters(search: Record<string, unknown>): TaskFilters {
  return {
    search: text(search.search),
    status: choice(search.status, WORK_STATUSES),
    category: text(search.category),
    tag: text(search.tag),
    review: choice(search.review, REVIEWS),
    discarded: flag(search.discarded),
    preAnnotated: flag(search.preAnnotated),
    sort: choice(search.sort, ORDERS),
  };
}

export const taskRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/projects",
    validateSearch: (search): { search?: string | undefined } => ({ search: text(search.search) }),
    component: lazyRouteComponent(() => import("@/components/views/ProjectsView"), "ProjectsView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/projects/$projectId/tasks",
    validateSearch: taskFilters,
    component: lazyRouteComponent(() => import("@/components/views/TasksView"), "TasksView"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/projects/$projectId/tasks/$taskId",
    validateSearch: taskFilters,
    component: lazyRouteComponent(() => import("@/components/views/TaskView"), "TaskView"),
  }),
] as const;
