import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ChartColumn } from "lucide-react";
import { lazy, Suspense, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { classesOf, projectQueries } from "@/api/projects";
import { type TaskFilters, taskQueries } from "@/api/tasks";
import { FilterBar } from "@/components/grid/FilterBar";
import { SelectionBar } from "@/components/grid/SelectionBar";
import { TaskGrid } from "@/components/grid/TaskGrid";
import { useSelection } from "@/components/grid/useSelection";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Empty, Loading } from "@/components/ui/states";
import { formatNumber } from "@/lib/format";

const route = getRouteApi("/shell/projects/$projectId/tasks");
const ProjectCharts = lazy(async () => ({ default: (await import("@/components/grid/ProjectCharts")).ProjectCharts }));

export function TasksView() {
  const { t, i18n } = useTranslation(["tasks", "common"]);
  const projectId = Number(route.useParams().projectId);
  const filters = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$projectId/tasks" });
  const project = useQuery(projectQueries.one(projectId));
  const pages = useQuery(taskQueries.pages(projectId, filters));
  const [hasCharts, setHasCharts] = useState(false);
  const selection = useSelection();
  const { clear } = selection;
  const narrow = useCallback(
    (change: Partial<TaskFilters>) => {
      clear();
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
    },
    [navigate, clear],
  );
  const classes = classesOf(project.data);
  if (project.isError && project.data === undefined)
    return (
      <div className="p-6">
        <QueryFailure error={project.error} onRetry={() => project.refetch()} />
      </div>
    );
  const count = pages.data?.count;
  return (
    <div className="flex h-full flex-col gap-4 pt-6">
      <header className="flex items-start justify-between gap-3 px-6">
        <div className="min-w-0">
          <h1 className="truncate text-xl font-semibold">{project.data?.name ?? t("grid.label")}</h1>
          <p className="text-muted-foreground" aria-live="polite">
            {count === undefined
              ? t("common:loading")
              : t("grid.count", { count, formatted: formatNumber(count, i18n.language) })}
          </p>
        </div>
        <Button aria-expanded={hasCharts} onClick={() => setHasCharts(!hasCharts)}>
          <ChartColumn aria-hidden />
          {t("grid.statistics")}
        </Button>
      </header>
      <div className="px-6">
        <FilterBar projectId={projectId} filters={filters} classes={classes} onChange={narrow} />
      </div>
      {hasCharts && (
        <Suspense fallback={<Loading label={t("common:loading")} className="px-6" />}>
          <ProjectCharts projectId={projectId} classes={classes} onCategory={(category) => narrow({ category })} />
        </Suspense>
      )}
      <SelectionBar selection={selection} />
      {pages.isPending && <Loading label={t("common:loading")} className="px-6" />}
      {pages.isError && (
        <div className="px-6">
          <QueryFailure error={pages.error} onRetry={() => pages.refetch()} />
        </div>
      )}
      {count === 0 && <NoTasks filters={filters} project={project.data?.name} />}
      {pages.data !== undefined && pages.data.count > 0 && (
        <TaskGrid
          key={JSON.stringify(filters)}
          projectId={projectId}
          filters={filters}
          count={pages.data.count}
          cursors={pages.data.cursors}
          classes={classes}
          selection={selection}
        />
      )}
    </div>
  );
}

function NoTasks({ filters, project }: { filters: TaskFilters; project: string | undefined }) {
  const { t } = useTranslation(["tasks", "common"]);
  const isNarrowed = Object.entries(filters).some(([name, value]) => name !== "sort" && value !== undefined);
  // Within double quotes, a shell takes these for more than letters.
  const quoted = (project ?? "").replace(/["$`\\!]/g, "\\$&");
  return (
    <div className="px-6">
      {isNarrowed ? (
        <Empty
          title={t("grid.noneFound")}
          action={
            <Button asChild>
              <Link from="/projects/$projectId/tasks" to="." search={{}}>
                {t("grid.clear")}
              </Link>
            </Button>
          }
        />
      ) : (
        <Empty title={t("grid.none")}>
          <p className="mb-3">{t("grid.noneHint")}</p>
          <Copyable
            text={`synapse import coco annotations.json --images images --project "${quoted}"`}
            label={t("common:copy")}
            doneLabel={t("common:copied")}
          />
        </Empty>
      )}
    </div>
  );
}
