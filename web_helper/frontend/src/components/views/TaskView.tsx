import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { classesOf, projectQueries } from "@/api/projects";
import { taskQueries } from "@/api/tasks";
import { TaskEditor } from "@/components/editor/TaskEditor";
import { usePicture } from "@/components/editor/usePicture";
import { QueryFailure } from "@/components/QueryFailure";
import { Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/projects/$projectId/tasks/$taskId");

export function TaskView() {
  const { t } = useTranslation(["tasks", "common"]);
  const params = route.useParams();
  const [projectId, taskId] = [Number(params.projectId), Number(params.taskId)];
  const filters = route.useSearch();
  const navigate = useNavigate({ from: "/projects/$projectId/tasks/$taskId" });
  const queryClient = useQueryClient();
  const project = useQuery(projectQueries.one(projectId));
  const task = useQuery(taskQueries.annotations(taskId));
  const neighbours = useQuery(taskQueries.neighbours(projectId, taskId, filters));
  const picture = usePicture(task.data?.image ?? null, task.data?.preview ?? null);
  const open = useCallback(
    (next: number) =>
      void navigate({ params: (before) => ({ ...before, taskId: String(next) }), search: (all) => all }),
    [navigate],
  );
  const forget = useCallback(() => {
    // The grid shows it next time; the cards that nobody looks at are read again then.
    void queryClient.invalidateQueries({ queryKey: [...taskQueries.all, projectId, "page"] });
  }, [queryClient, projectId]);

  // An editor that is there stays when a later look fails.
  const failed = [task, project].find((each) => each.isError && each.data === undefined);
  if (failed?.error)
    return (
      <div className="p-6">
        <QueryFailure error={failed.error} onRetry={() => failed.refetch()} />
      </div>
    );
  if (!task.data || !project.data || (task.data.image && picture === "loading"))
    return <Loading label={t("common:loading")} className="p-6" />;
  return (
    <TaskEditor
      key={taskId}
      taskId={taskId}
      read={task.data}
      picture={typeof picture === "string" ? null : picture}
      classes={classesOf(project.data)}
      previousId={neighbours.data?.previous_id ?? null}
      nextId={neighbours.data?.next_id ?? null}
      onOpen={open}
      onSaved={forget}
    />
  );
}
