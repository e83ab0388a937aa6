import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type ClassDefinition, type ProjectStatistics, projectQueries } from "@/api/projects";
import { QueryFailure } from "@/components/QueryFailure";
import { Card, CardTitle } from "@/components/ui/card";
import { Select } from "@/components/ui/input";
import { Loading } from "@/components/ui/states";
import { When } from "@/components/When";
import { colorOf } from "@/lib/classColor";
import { formatNumber } from "@/lib/format";

interface ProjectChartsProps {
  projectId: number;
  classes: ClassDefinition[];
  onCategory: (category: string) => void;
}

/** How often each class was annotated, and how large its boxes are: tables whose numbers are bars too. */
export function ProjectCharts({ projectId, classes, onCategory }: ProjectChartsProps) {
  const { t, i18n } = useTranslation(["tasks", "common"]);
  const statistics = useQuery(projectQueries.statistics(projectId));
  if (statistics.isPending) return <Loading label={t("common:loading")} className="px-6" />;
  if (statistics.isError)
    return (
      <div className="px-6">
        <QueryFailure error={statistics.error} onRetry={() => statistics.refetch()} />
      </div>
    );
  const found = statistics.data;
  const totals = [
    [t("charts.tasks"), found.tasks],
    [t("status.completed"), found.statuses.completed ?? 0],
    [t("charts.discarded"), found.discarded],
    [t("charts.annotations"), found.annotations],
  ] as const;
  return (
    <section
      aria-label={t("charts.title")}
      className="grid grid-cols-1 max-h-80 gap-4 overflow-auto px-6 lg:grid-cols-[14rem_1fr_1fr]"
    >
      <Card>
        <CardTitle>{t("charts.title")}</CardTitle>
        <dl className="grid grid-cols-[1fr_auto] gap-x-4 gap-y-1">
          {totals.map(([words, number]) => (
            <div key={words} className="contents">
              <dt className="text-muted-foreground">{words}</dt>
              <dd className="text-right tabular-nums">{formatNumber(number, i18n.language)}</dd>
            </div>
          ))}
          <dt className="text-muted-foreground">{t("charts.counted")}</dt>
          <dd className="text-right">
            <When iso={found.counted} />
          </dd>
        </dl>
      </Card>
      <ClassChart found={found} classes={classes} onCategory={onCategory} />
      <SizeChart found={found} classes={classes} />
    </section>
  );
}

function ClassChart({
  found,
  classes,
  onCategory,
}: { found: ProjectStatistics } & Omit<ProjectChartsProps, "projectId">) {
  const { t } = useTranslation("tasks");
  const most = found.classes[0]?.annotations ?? 1;
  return (
    <Card>
      <CardTitle>{t("charts.classes")}</CardTitle>
      {found.classes.length === 0 && <p className="text-muted-foreground">{t("charts.none")}</p>}
      <BarTable
        label={t("charts.classes")}
        head={t("charts.class")}
        rows={found.classes.map(({ category, annotations }) => ({
          key: category,
          number: annotations,
          share: annotations / most,
          color: colorOf(category, classes),
          words: (
            <button
              type="button"
              onClick={() => onCategory(category)}
              className="max-w-40 truncate underline-offset-4 hover:underline"
              title={category}
            >
              {category}
            </button>
          ),
        }))}
      />
    </Card>
  );
}

function SizeChart({ found, classes }: { found: ProjectStatistics; classes: ClassDefinition[] }) {
  const { t } = useTranslation("tasks");
  const [category, setCategory] = useState("");
  const numbers = new Map<number, { upTo: number | null | undefined; number: number }>();
  for (const size of found.sizes) {
    if (category !== "" && size.category !== category) continue;
    const before = numbers.get(size.from_pixels)?.number ?? 0;
    numbers.set(size.from_pixels, { upTo: size.up_to, number: before + size.annotations });
  }
  const rows = [...numbers].sort(([one], [other]) => one - other);
  const most = Math.max(1, ...rows.map(([, { number }]) => number));
  return (
    <Card>
      <div className="mb-2 flex items-center justify-between gap-2">
        <h2 className="text-sm font-semibold">{t("charts.sizes")}</h2>
        <Select
          aria-label={t("charts.class")}
          value={category}
          onChange={(event) => setCategory(event.target.value)}
          className="h-8 w-auto max-w-40"
        >
          <option value="">{t("charts.allClasses")}</option>
          {found.classes.map((each) => (
            <option key={each.category}>{each.category}</option>
          ))}
        </Select>
      </div>
      {rows.length === 0 && <p className="text-muted-foreground">{t("charts.none")}</p>}
      <BarTable
        label={t("charts.sizes")}
        head={t("charts.side")}
        rows={rows.map(([from, { upTo, number }]) => ({
          key: String(from),
          number,
          share: number / most,
          color: category ? colorOf(category, classes) : "var(--primary)",
          words: upTo ? t("charts.between", { from, to: upTo }) : t("charts.from", { from }),
        }))}
      />
    </Card>
  );
}

interface BarTableProps {
  label: string;
  head: string;
  rows: { key: string; words: React.ReactNode; number: number; share: number; color: string }[];
}

function BarTable({ label, head, rows }: BarTableProps) {
  const { t, i18n } = useTranslation("tasks");
  if (rows.length === 0) return null;
  return (
    <table aria-label={label} className="w-full">
      <thead className="sr-only">
        <tr>
          <th scope="col">{head}</th>
          <th scope="col">{t("charts.number")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, words, number, share, color }) => (
          <tr key={key}>
            <th scope="row" className="w-px pr-3 text-left font-normal whitespace-nowrap">
              {words}
            </th>
            <td>
              <span className="flex items-center gap-2">
                <svg className="h-3 w-0 flex-1" preserveAspectRatio="none" viewBox="0 0 100 1" aria-hidden="true">
                  <rect width={Math.max(share * 100, 0.5)} height="1" fill={color} />
                </svg>
                <span className="w-16 text-right tabular-nums">{formatNumber(number, i18n.language)}</span>
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
