import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type ExportJob, exportQueries, isLive, paramsOf } from "@/api/exports";
import { ArchiveCard } from "@/components/exports/ArchiveCard";
import { ExportActions } from "@/components/exports/ExportActions";
import { ExportStatusBadge } from "@/components/exports/ExportStatusBadge";
import { ReportCard } from "@/components/exports/ReportCard";
import { StepList } from "@/components/exports/StepList";
import { useExportProgress } from "@/components/exports/useExportProgress";
import { QueryFailure } from "@/components/QueryFailure";
import { Card, CardTitle } from "@/components/ui/card";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Progress } from "@/components/ui/progress";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { When } from "@/components/When";
import { formatNumber } from "@/lib/format";

const route = getRouteApi("/shell/exports/$jobId");

/** One export: its nine steps as they go, and what came of it. */
export function ExportView() {
  const { t } = useTranslation("exports");
  const { t: common } = useTranslation();
  const { jobId } = route.useParams();
  const job = useQuery(exportQueries.one(jobId));
  if (job.data !== undefined) return <ExportPage key={jobId} job={job.data} />;
  return (
    <Page title={t("one.title")}>
      {job.isError ? (
        <QueryFailure error={job.error} onRetry={() => job.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
    </Page>
  );
}

function ExportPage({ job }: { job: ExportJob }) {
  const { t } = useTranslation("exports");
  const { t: common } = useTranslation();
  const isConnected = useExportProgress(job);
  const params = paramsOf(job);
  const isDataset = job.kind === "dataset";
  return (
    <Page
      title={
        <span className="flex flex-wrap items-center gap-3">
          {params.name ?? t("one.bundle")}
          <ExportStatusBadge status={job.status} />
        </span>
      }
      description={<ExportFacts job={job} />}
      actions={<ExportActions job={job} />}
    >
      {job.status === "FAILED" && <Failure title={t("one.failed")} message={job.error ?? ""} reference={job.job_id} />}
      <Card>
        <CardTitle>{t("one.progress")}</CardTitle>
        {isLive(job) && !isConnected && (
          <p role="status" className="mb-2 text-warning">
            {t("one.away")}
          </p>
        )}
        {isDataset ? <StepList steps={job.steps} isLive={isLive(job)} /> : <BundleProgress job={job} />}
      </Card>
      {job.archive && <ArchiveCard archive={job.archive} />}
      {isDataset && job.status === "SUCCEEDED" && !job.archive && <Empty title={t("one.expired")} />}
      {job.archive && <ReportCard report={job.archive.report} />}
      {job.command && (
        <Card className="grid gap-1">
          <CardTitle>{t("one.command")}</CardTitle>
          <Copyable text={job.command} label={common("copy")} doneLabel={common("copied")} />
        </Card>
      )}
    </Page>
  );
}

/** Of rows that are gathered for whoever converts them; there is nothing to download here. */
function BundleProgress({ job }: { job: ExportJob }) {
  const { t, i18n } = useTranslation("exports");
  const { processed = 0, total } = job.progress;
  const [current, all] = [processed, total ?? 0].map((count) => formatNumber(count, i18n.language));
  const isDone = job.status === "SUCCEEDED";
  return (
    <div className="grid gap-2">
      <p className="text-muted-foreground">{t("one.bundleHint")}</p>
      <Progress label={t("one.progress")} value={isDone ? 1 : total ? processed / total : isLive(job) ? null : 0} />
      {total ? <p className="text-xs text-muted-foreground">{t("counted", { current, total: all })}</p> : null}
    </div>
  );
}

function ExportFacts({ job }: { job: ExportJob }) {
  const { t } = useTranslation("exports");
  const params = paramsOf(job);
  return (
    <span className="flex flex-wrap gap-x-4 gap-y-1">
      <span>
        {t(`target.${params.target}`)}
        {params.format && ` · ${t(`format.${params.format}`)}`}
      </span>
      <span>
        {t("one.asked")} <When iso={job.created} />
      </span>
      {job.finished && (
        <span>
          {t("one.ended")} <When iso={job.finished} />
        </span>
      )}
      {params.resumes && (
        <span>
          {t("one.resumes")}{" "}
          <Link
            to="/exports/$jobId"
            params={{ jobId: params.resumes }}
            className="font-mono text-xs text-primary hover:underline"
          >
            {params.resumes.slice(0, 8)}
          </Link>
        </span>
      )}
    </span>
  );
}
