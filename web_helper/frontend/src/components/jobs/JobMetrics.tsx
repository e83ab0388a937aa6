import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { isLive, type Job, jobQueries } from "@/api/jobs";
import { QueryFailure } from "@/components/QueryFailure";
import { Card, CardTitle } from "@/components/ui/card";
import { Empty, Loading } from "@/components/ui/states";
import { curvesOf, figuresOf } from "@/lib/metrics";

// Charts are half of this view's code.
const MetricCurves = lazy(async () => ({ default: (await import("@/components/jobs/MetricCurves")).MetricCurves }));

/** What a run has measured: its curves, and the newest figures of each step. */
export function JobMetrics({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  const metrics = useQuery(jobQueries.metrics(job.id, isLive(job)));
  if (metrics.isPending) return <Loading label={common("loading")} />;
  if (metrics.isError) return <QueryFailure error={metrics.error} onRetry={() => metrics.refetch()} />;
  const curves = curvesOf(metrics.data);
  const figures = figuresOf(job.metrics_record);
  if (curves.length === 0 && figures.length === 0)
    return (
      <Empty title={t("metrics.none")}>
        <code>self.log_metric("train", "loss", value, epoch=epoch)</code>
      </Empty>
    );
  return (
    <div className="grid gap-4">
      <Suspense fallback={<Loading label={common("loading")} />}>
        {curves.length > 0 && <MetricCurves curves={curves} />}
      </Suspense>
      <div className="grid grid-cols-1 gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {figures.map(([step, values]) => (
          <Figures key={step} step={step} values={values} />
        ))}
      </div>
    </div>
  );
}

function Figures({ step, values }: { step: string; values: [string, unknown][] }) {
  const { i18n } = useTranslation();
  const shown = (value: unknown) =>
    typeof value === "number"
      ? new Intl.NumberFormat(i18n.language, { maximumSignificantDigits: 5 }).format(value)
      : typeof value === "string"
        ? value
        : JSON.stringify(value);
  return (
    <Card>
      <CardTitle>{step}</CardTitle>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
        {values.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted-foreground">{name}</dt>
            <dd className="text-right break-words tabular-nums">{shown(value)}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
