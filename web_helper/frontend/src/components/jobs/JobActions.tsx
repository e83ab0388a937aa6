import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { RotateCcw, SlidersHorizontal, Square, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { deleteJob, isLive, type Job, jobQueries, stopJob } from "@/api/jobs";
import { runAction } from "@/api/plugins";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";

/** Stopping a run, running it again, deleting it. */
export function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const { stop, again, remove } = useJobChanges(job);
  const error = stop.error ?? again.error ?? remove.error;
  return (
    <div className="grid justify-items-end gap-1">
      <div className="flex flex-wrap gap-2">
        {isLive(job) && (
          <Asked
            label={t("stop.button")}
            question={t("stop.question")}
            text={t("stop.text")}
            icon={<Square aria-hidden />}
            isDisabled={stop.isPending || job.stop_requested_at !== null}
            onConfirm={() => stop.mutate()}
          />
        )}
        {job.plugin_code && <RunAgain job={job} isPending={again.isPending} onAgain={() => again.mutate()} />}
        {!isLive(job) && (
          <Asked
            label={t("remove.button")}
            question={t("remove.question")}
            text={t("remove.text")}
            icon={<Trash2 aria-hidden />}
            isDisabled={remove.isPending}
            onConfirm={() => remove.mutate()}
          />
        )}
      </div>
      {error && (
        <p role="alert" className="text-xs text-danger">
          {error.message}
        </p>
      )}
    </div>
  );
}

function RunAgain({ job, isPending, onAgain }: { job: Job; isPending: boolean; onAgain: () => void }) {
  const { t } = useTranslation("jobs");
  const navigate = useNavigate();
  const change = () =>
    navigate({
      to: "/plugins/$code",
      params: { code: job.plugin_code ?? "" },
      search: { version: job.version ?? undefined, run: job.action, from: job.id },
    });
  return (
    <>
      <Button onClick={onAgain} disabled={isPending}>
        <RotateCcw aria-hidden /> {t("again.button")}
      </Button>
      <Button onClick={change}>
        <SlidersHorizontal aria-hidden /> {t("again.change")}
      </Button>
    </>
  );
}

interface AskedProps {
  label: string;
  question: string;
  text: string;
  icon: React.ReactNode;
  isDisabled: boolean;
  onConfirm: () => void;
}

function Asked({ label, question, text, icon, isDisabled, onConfirm }: AskedProps) {
  const { t: common } = useTranslation();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setIsOpen(true)} disabled={isDisabled}>
        {icon} {label}
      </Button>
      <Confirm
        open={isOpen}
        onOpenChange={setIsOpen}
        title={question}
        description={text}
        confirmLabel={label}
        cancelLabel={common("cancel")}
        onConfirm={onConfirm}
      />
    </>
  );
}

function useJobChanges(job: Job) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const renew = () => queryClient.invalidateQueries({ queryKey: jobQueries.all });
  const stop = useMutation({ mutationFn: () => stopJob(job.id), onSuccess: renew });
  const again = useMutation({
    mutationFn: () =>
      runAction(job.plugin_code ?? "", {
        action: job.action,
        params: job.params,
        version: job.version,
        agent: job.agent_id,
        // It ran with these parameters: the run itself takes them.
        check_params: false,
      }),
    onSuccess: async (next) => {
      void renew();
      await navigate({ to: "/jobs/$jobId", params: { jobId: next.id } });
    },
  });
  const remove = useMutation({
    mutationFn: () => deleteJob(job.id),
    onSuccess: async () => {
      await navigate({ to: "/jobs" });
      await queryClient.invalidateQueries({ queryKey: [...jobQueries.all, "list"] });
    },
  });
  return { stop, again, remove };
}
