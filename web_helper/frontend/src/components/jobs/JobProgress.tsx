import { useTranslation } from "react-i18next";
import type { Job } from "@/api/jobs";
import { Progress } from "@/components/ui/progress";
import { formatNumber } from "@/lib/format";
import { progressOf } from "@/lib/metrics";

/** How far a run says that it is. */
export function JobProgress({ job }: { job: Job }) {
  const { t, i18n } = useTranslation("jobs");
  const progress = progressOf(job.progress_record);
  if (progress === null) return null;
  return (
    <div className="grid gap-2">
      <Progress label={t("progress.label")} value={progress.overall / 100} />
      <p className="text-xs text-muted-foreground">
        {t("progress.overall", { percent: formatNumber(progress.overall, i18n.language), step: progress.step })}
      </p>
    </div>
  );
}
