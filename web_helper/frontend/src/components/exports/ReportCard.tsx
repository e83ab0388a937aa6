import { CircleCheck, CircleX } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Archive } from "@/api/exports";
import { LossTable } from "@/components/exports/LossTable";
import { Badge } from "@/components/ui/badge";
import { Card, CardTitle } from "@/components/ui/card";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { formatNumber } from "@/lib/format";

interface Finding {
  code: string;
  path: string;
  message: string;
}

/** What the export came to: counts, the format's rules, what could not be carried. */
export function ReportCard({ report }: { report: Archive["report"] }) {
  const { t, i18n } = useTranslation("exports");
  const writer = (report.writer ?? {}) as Record<string, unknown>;
  const validation = (report.validation ?? {}) as Record<string, unknown>;
  const losses = report.losses ?? [];
  const counts: [string, number][] = [
    [t("report.items"), report.exported],
    [t("report.leftOut"), report.failed],
    [t("report.annotations"), numberOf(writer.annotations)],
    [t("report.annotationsLeftOut"), numberOf(writer.annotations_skipped)],
    ...Object.entries(countsOf(writer.splits)).filter(([name]) => name !== ""),
  ];
  return (
    <Card className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <CardTitle className="mb-0">{t("report.title")}</CardTitle>
        {validation.ok === false ? (
          <Badge tone="danger">
            <CircleX aria-hidden /> {t("report.invalid")}
          </Badge>
        ) : (
          <Badge tone="success">
            <CircleCheck aria-hidden /> {t("report.valid")}
          </Badge>
        )}
      </div>
      <dl className="flex flex-wrap gap-x-8 gap-y-2">
        {counts.map(([name, count]) => (
          <div key={name}>
            <dt className="text-xs text-muted-foreground">{name}</dt>
            <dd className="text-base font-medium tabular-nums">{formatNumber(count, i18n.language)}</dd>
          </div>
        ))}
      </dl>
      <Classes counts={countsOf(writer.per_class)} />
      <Findings findings={(validation.warnings ?? []) as Finding[]} />
      {losses.length === 0 ? (
        <p className="text-muted-foreground">{t("report.noLosses")}</p>
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-2">
          <LossTable label={t("report.losses")} losses={losses} />
          <p className="text-xs text-muted-foreground">{t("report.firstLosses", { count: losses.length })}</p>
        </div>
      )}
    </Card>
  );
}

function Classes({ counts }: { counts: Record<string, number> }) {
  const { t, i18n } = useTranslation("exports");
  const entries = Object.entries(counts);
  if (entries.length === 0) return null;
  return (
    <Table label={t("report.classes")}>
      <thead>
        <tr>
          <Th>{t("report.class")}</Th>
          <Th className="text-right">{t("report.annotations")}</Th>
        </tr>
      </thead>
      <tbody>
        {entries.map(([name, count]) => (
          <Tr key={name}>
            <Td className="break-words">{name}</Td>
            <Td className="text-right tabular-nums">{formatNumber(count, i18n.language)}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  const { t } = useTranslation("exports");
  if (findings.length === 0) return null;
  return (
    <div className="grid gap-1">
      <h3 className="font-medium">{t("report.warnings")}</h3>
      <ul className="list-disc pl-5">
        {findings.map((finding) => (
          <li key={`${finding.code} ${finding.path} ${finding.message}`} className="break-words">
            {finding.path && <span className="font-mono text-xs">{finding.path}: </span>}
            {finding.message}
          </li>
        ))}
      </ul>
    </div>
  );
}

function countsOf(value: unknown): Record<string, number> {
  return typeof value === "object" && value !== null ? (value as Record<string, number>) : {};
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
