import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CirclePlay, Repeat, Square } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { cancelExport, type ExportJob, exportQueries, isLive, resumeExport } from "@/api/exports";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";

/** Cancelling an export, going on with one that broke off, asking for the same again. */
export function ExportActions({ job }: { job: ExportJob }) {
  const { t } = useTranslation("exports");
  const [isAsking, setIsAsking] = useState(false);
  const { cancel, resume } = useChanges(job);
  const error = cancel.error ?? resume.error;
  const isDataset = job.kind === "dataset";
  return (
    <div className="grid justify-items-end gap-1">
      <div className="flex flex-wrap gap-2">
        {isLive(job) && (
          <Button onClick={() => setIsAsking(true)} disabled={cancel.isPending || cancel.isSuccess}>
            <Square aria-hidden /> {t("one.cancel")}
          </Button>
        )}
        {isDataset && (job.status === "FAILED" || job.status === "CANCELLED") && (
          <Button variant="primary" onClick={() => resume.mutate()} disabled={resume.isPending}>
            <CirclePlay aria-hidden /> {t("one.resume")}
          </Button>
        )}
        {isDataset && (
          <Button asChild>
            <Link to="/exports" search={{ new: true, from: job.job_id }}>
              <Repeat aria-hidden /> {t("one.repeat")}
            </Link>
          </Button>
        )}
      </div>
      {error && (
        <p role="alert" className="text-xs text-danger">
          {error.message}
        </p>
      )}
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t("one.cancelQuestion")}
        description={t("one.cancelText")}
        confirmLabel={t("one.cancel")}
        cancelLabel={t("one.keep")}
        onConfirm={() => cancel.mutate()}
      />
    </div>
  );
}

function useChanges(job: ExportJob) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const renew = () => queryClient.invalidateQueries({ queryKey: exportQueries.all });
  const cancel = useMutation({ mutationFn: () => cancelExport(job.job_id), onSuccess: renew });
  const resume = useMutation({
    mutationFn: () => resumeExport(job.job_id),
    onSuccess: async (jobId) => {
      void renew();
      await navigate({ to: "/exports/$jobId", params: { jobId } });
    },
  });
  return { cancel, resume };
}
