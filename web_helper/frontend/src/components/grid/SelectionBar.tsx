import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { setDiscarded, tagTasks, taskQueries } from "@/api/tasks";
import { MAX_SELECTED, type Selection } from "@/components/grid/useSelection";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Input } from "@/components/ui/input";

/** What can be done with the selected tasks at once. */
export function SelectionBar({ selection }: { selection: Selection }) {
  const { t } = useTranslation(["tasks", "common"]);
  const queryClient = useQueryClient();
  const [isAsking, setIsAsking] = useState(false);
  const [tag, setTag] = useState("");
  const ids = [...selection.ids];
  const act = useMutation({
    mutationFn: async (action: (ids: number[]) => Promise<void>) => action(ids),
    onSettled: () => queryClient.invalidateQueries({ queryKey: taskQueries.all }),
  });
  const done = act.isSuccess ? t("selection.done", { count: ids.length }) : "";
  const name = tag.trim();
  return (
    <>
      <output className="sr-only">{ids.length > 0 ? t("selection.count", { count: ids.length }) : ""}</output>
      {ids.length > 0 && (
        <section
          aria-label={t("selection.label")}
          className="mx-6 flex flex-wrap items-center gap-2 rounded-lg border bg-card px-3 py-2"
        >
          <span className="mr-2 font-medium tabular-nums">{t("selection.count", { count: ids.length })}</span>
          <Button size="small" onClick={() => setIsAsking(true)} disabled={act.isPending}>
            {t("selection.discard")}
          </Button>
          <Button size="small" onClick={() => act.mutate((all) => setDiscarded(all, false))} disabled={act.isPending}>
            {t("selection.restore")}
          </Button>
          <Input
            aria-label={t("selection.tag")}
            placeholder={t("selection.tag")}
            value={tag}
            onChange={(event) => setTag(event.target.value)}
            className="h-8 w-32"
          />
          <Button
            size="small"
            disabled={act.isPending || name === ""}
            onClick={() => act.mutate((all) => tagTasks(all, name, "add"))}
          >
            {t("selection.addTag")}
          </Button>
          <Button
            size="small"
            disabled={act.isPending || name === ""}
            onClick={() => act.mutate((all) => tagTasks(all, name, "remove"))}
          >
            {t("selection.removeTag")}
          </Button>
          <Button size="small" variant="ghost" onClick={selection.clear}>
            {t("selection.clear")}
          </Button>
          <output className="text-muted-foreground">{done}</output>
          {selection.isCut && (
            <p role="alert" className="w-full text-warning">
              {t("selection.limit", { limit: MAX_SELECTED })}
            </p>
          )}
          {act.isError && (
            <p role="alert" className="w-full text-danger">
              {t("selection.failed", { message: act.error.message })}
            </p>
          )}
        </section>
      )}
      <Confirm
        title={t("selection.confirmTitle", { count: ids.length })}
        description={t("selection.confirm")}
        confirmLabel={t("selection.discard")}
        cancelLabel={t("common:cancel")}
        open={isAsking}
        onOpenChange={setIsAsking}
        onConfirm={() => act.mutate((all) => setDiscarded(all, true))}
      />
    </>
  );
}
