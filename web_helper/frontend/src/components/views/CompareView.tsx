import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeftRight } from "lucide-react";
import type { ComponentProps } from "react";
import { useTranslation } from "react-i18next";
import { type Experiment, experimentQueries } from "@/api/experiments";
import { Choices } from "@/components/experiments/Choices";
import { curvesBeside } from "@/components/experiments/curvesBeside";
import { Differences } from "@/components/experiments/Differences";
import { StatusBadge } from "@/components/experiments/StatusBadge";
import { MetricCurves } from "@/components/jobs/MetricCurves";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/experiments/compare");

export function CompareView() {
  const { t } = useTranslation("experiments");
  const { a, b } = route.useSearch();
  return (
    <Page
      title={t("compare.title")}
      actions={
        a &&
        b && (
          <Button asChild>
            <Link to="/experiments/compare" search={{ a: b, b: a }}>
              <ArrowLeftRight /> {t("compare.swap")}
            </Link>
          </Button>
        )
      }
    >
      {a && b ? (
        <Comparison a={a} b={b} />
      ) : (
        <Empty
          title={t("compare.choose")}
          action={
            <Button asChild>
              <Link to="/experiments">{t("compare.toList")}</Link>
            </Button>
          }
        />
      )}
    </Page>
  );
}

function Comparison({ a, b }: { a: string; b: string }) {
  const { t } = useTranslation(["experiments", "common"]);
  const found = useQuery(experimentQueries.compare(a, b));
  if (found.error) return <QueryFailure error={found.error} onRetry={() => found.refetch()} />;
  if (!found.data) return <Loading label={t("common:loading")} />;
  const { config, components, environment, metrics, same_metrics } = found.data;
  return (
    <>
      <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
        <Side letter={t("compare.a")} experiment={found.data.a} />
        <Side letter={t("compare.b")} experiment={found.data.b} />
      </div>
      {same_metrics && <p>{t("compare.sameMetrics")}</p>}
      <Section title={t("compare.metrics")} differences={metrics} areMetrics />
      <Curves a={found.data.a} b={found.data.b} />
      <Section title={t("compare.config")} differences={config} />
      <Section title={t("compare.components")} differences={components} areComponents />
      <Section title={t("compare.environment")} differences={environment} />
    </>
  );
}

function Side({ letter, experiment }: { letter: string; experiment: Experiment }) {
  return (
    <Card className="flex flex-wrap items-center gap-3">
      <span className="grid size-8 place-items-center rounded-full bg-muted font-semibold">{letter}</span>
      <div className="min-w-0 flex-1">
        <Link
          to="/experiments/$uid"
          params={{ uid: experiment.uid }}
          className="font-medium break-words text-primary underline-offset-4 hover:underline"
        >
          {experiment.name}
        </Link>
        <p className="font-mono text-xs break-all text-muted-foreground">{experiment.uid}</p>
        <Choices choices={experiment.choices} />
      </div>
      <StatusBadge status={experiment.status} />
    </Card>
  );
}

function Section(props: ComponentProps<typeof Differences>) {
  return (
    <section className="grid gap-2">
      <h2 className="font-semibold">{props.title}</h2>
      <Differences {...props} />
    </section>
  );
}

/** Both runs in one chart for each metric. */
function Curves({ a, b }: { a: Experiment; b: Experiment }) {
  const { t } = useTranslation("experiments");
  const first = useQuery(experimentQueries.curves(a.uid, a.status));
  const second = useQuery(experimentQueries.curves(b.uid, b.status));
  if (!first.data || !second.data) return null;
  const charts = curvesBeside([
    { name: `${t("compare.a")}: ${a.name}`, curves: first.data.curves },
    { name: `${t("compare.b")}: ${b.name}`, curves: second.data.curves },
  ]);
  if (charts.length === 0) return null;
  return (
    <section className="grid gap-2">
      <h2 className="font-semibold">{t("compare.curves")}</h2>
      <MetricCurves curves={charts} />
    </section>
  );
}
