import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { shellRoute } from "@/app/root";
import { isSection } from "@/components/settings/sections";

const component = lazyRouteComponent(() => import("@/components/views/SettingsView"), "SettingsView");

export const settingsRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/settings",
    beforeLoad: () => {
      throw redirect({ to: "/settings/$section", params: { section: "profile" }, replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/settings/$section",
    validateSearch: (search): { project?: number; q?: string } => ({
      ...(typeof search.project === "number" ? { project: search.project } : {}),
      ...(typeof search.q === "string" && search.q ? { q: search.q } : {}),
    }),
    beforeLoad: ({ params }) => {
      if (!isSection(params.section))
        throw redirect({ to: "/settings/$section", params: { section: "profile" }, replace: true });
    },
    component,
  }),
] as const;
