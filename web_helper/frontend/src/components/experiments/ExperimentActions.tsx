import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CirclePause, CirclePlay, GitCompare, Grid2x2X, Repeat, Square } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Act,
  actOnExperiment,
  cancelGrid,
  type Experiment,
  type ExperimentStatus,
  experimentQueries,
  isOpen,
  reproduceExperiment,
} from "@/api/experiments";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";

const CAN_PAUSE: readonly ExperimentStatus[] = ["queued", "assigned", "running"];
const CAN_RESUME: readonly ExperimentStatus[] = ["pending", "paused"];

/** What may be done with a run in its state; what the server refuses all the same is said. */
export function ExperimentActions({ experiment }: { experiment: Experiment }) {
  const { t } = useTranslation("experiments");
  const { uid, status } = experiment;
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"run" | "grid">();
  // The same click sent twice makes one.
  const key = useRef(crypto.randomUUID());
  const refresh = () => client.invalidateQueries({ queryKey: experimentQueries.all });
  const act = useMutation({ mutationFn: (what: Act) => actOnExperiment(uid, what), onSettled: refresh });
  const reproduce = useMutation({
    mutationFn: () => reproduceExperiment(uid, key.current),
    onSuccess: async (made) => {
      key.current = crypto.randomUUID();
      await refresh();
      await navigate({ to: "/experiments/$uid", params: { uid: made.uid } });
    },
  });
  const grid = useMutation({ mutationFn: () => cancelGrid(uid), onSettled: refresh });
  const isBusy = act.isPending || grid.isPending || reproduce.isPending;
  const error = act.error ?? grid.error ?? reproduce.error;
  return (
    <div className="grid justify-items-end gap-1">
      <div className="flex flex-wrap justify-end gap-2">
        {CAN_PAUSE.includes(status) && (
          <Button disabled={isBusy} onClick={() => act.mutate("pause")}>
            <CirclePause /> {t("detail.pause")}
          </Button>
        )}
        {CAN_RESUME.includes(status) && (
          <Button disabled={isBusy} onClick={() => act.mutate("resume")}>
            <CirclePlay /> {t("detail.resume")}
          </Button>
        )}
        {(isOpen(status) || status === "crashed") && (
          <Button disabled={isBusy} onClick={() => setAsking("run")}>
            <Square /> {t("detail.cancel")}
          </Button>
        )}
        {experiment.grid_size > 1 && (
          <Button disabled={isBusy} onClick={() => setAsking("grid")}>
            <Grid2x2X /> {t("detail.cancelGrid")}
          </Button>
        )}
        <Button asChild>
          <Link to="/experiments" search={{ pick: [uid] }}>
            <GitCompare /> {t("detail.compare")}
          </Link>
        </Button>
        <Button disabled={isBusy} title={t("detail.reproduceText")} onClick={() => reproduce.mutate()}>
          <Repeat /> {t("detail.reproduce")}
        </Button>
      </div>
      {error && (
        <p role="alert" className="max-w-xl text-danger">
          {error.message}
        </p>
      )}
      {grid.data && <output>{t("detail.gridCancelled", { count: grid.data.moved })}</output>}
      <Confirm
        title={t("detail.cancelTitle", { name: experiment.name })}
        description={t("detail.cancelText")}
        confirmLabel={t("detail.cancel")}
        cancelLabel={t("detail.keep")}
        open={asking === "run"}
        onOpenChange={() => setAsking(undefined)}
        onConfirm={() => act.mutate("cancel")}
      />
      <Confirm
        title={t("detail.cancelGridTitle", { count: experiment.grid_size })}
        description={t("detail.cancelGridText")}
        confirmLabel={t("detail.cancelGrid")}
        cancelLabel={t("detail.keep")}
        open={asking === "grid"}
        onOpenChange={() => setAsking(undefined)}
        onConfirm={() => grid.mutate()}
      />
    </div>
  );
}
