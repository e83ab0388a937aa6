import { useQuery } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Curve, type Experiment, experimentQueries, isOpen } from "@/api/experiments";
import { curvesBeside } from "@/components/experiments/curvesBeside";
import { MetricCurves } from "@/components/jobs/MetricCurves";
import { QueryFailure } from "@/components/QueryFailure";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { formatNumber } from "@/lib/format";

/** What a run has measured, as it comes. */
export function RunCurves({ experiment }: { experiment: Experiment }) {
  const { t } = useTranslation(["experiments", "common"]);
  const found = useQuery(experimentQueries.curves(experiment.uid, experiment.status));
  if (found.error && !found.data) return <QueryFailure error={found.error} onRetry={() => found.refetch()} />;
  if (!found.data) return <Loading label={t("common:loading")} />;
  const { curves, row_count } = found.data;
  if (curves.length === 0)
    return (
      <Empty title={isOpen(experiment.status) ? t("detail.noCurves") : t("detail.noCurvesEver")}>
        {t("detail.noCurvesHint")}
      </Empty>
    );
  return (
    <div className="grid gap-4">
      <NotFinite curves={curves} />
      <MetricCurves curves={curvesBeside([{ name: "", curves }])} />
      <LastValues curves={curves} rowCount={row_count} />
    </div>
  );
}

function NotFinite({ curves }: { curves: readonly Curve[] }) {
  const { t } = useTranslation("experiments");
  return curves
    .filter((curve) => curve.not_finite > 0)
    .map((curve) => (
      <p key={curve.name} role="alert" className="flex gap-2 rounded-md border border-warning/40 bg-card px-3 py-2">
        <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warning" aria-hidden />
        {t("detail.notFinite", { name: curve.name, count: curve.not_finite, x: curve.first_not_finite })}
      </p>
    ));
}

/** The same in words, for those who do not see curves. */
function LastValues({ curves, rowCount }: { curves: readonly Curve[]; rowCount: number }) {
  const { t, i18n } = useTranslation("experiments");
  return (
    <div className="grid gap-1">
      <Table label={t("detail.last")}>
        <thead>
          <tr>
            <Th>{t("detail.curves")}</Th>
            <Th>{t("detail.last")}</Th>
          </tr>
        </thead>
        <tbody>
          {curves.map((curve) => (
            <Tr key={curve.name}>
              <Td className="break-words">{curve.name}</Td>
              <Td className="font-mono text-[13px]">{curve.last ?? "–"}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <p className="text-xs text-muted-foreground">
        {t("detail.rows", { count: rowCount, formatted: formatNumber(rowCount, i18n.language) })}
      </p>
    </div>
  );
}
