import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type ExportJob, paramsOf } from "@/api/exports";
import { ExportStatusBadge } from "@/components/exports/ExportStatusBadge";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";
import { formatBytes, formatNumber } from "@/lib/format";

/** The history of exports. */
export function ExportTable({ jobs, projects }: { jobs: ExportJob[]; projects: Map<number, string> }) {
  const { t, i18n } = useTranslation("exports");
  const { t: common } = useTranslation();
  return (
    <Table label={common("nav.exports")}>
      <thead>
        <tr>
          <Th>{t("list.status")}</Th>
          <Th>{t("list.name")}</Th>
          <Th>{t("list.what")}</Th>
          <Th>{t("list.format")}</Th>
          <Th className="text-right">{t("list.items")}</Th>
          <Th className="text-right">{t("list.size")}</Th>
          <Th>{t("list.created")}</Th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => {
          const params = paramsOf(job);
          const report = job.archive?.report;
          return (
            <Tr key={job.job_id}>
              <Td>
                <ExportStatusBadge status={job.status} />
              </Td>
              <Td>
                <Link
                  to="/exports/$jobId"
                  params={{ jobId: job.job_id }}
                  className="font-medium text-primary hover:underline"
                >
                  {params.name}
                </Link>
                {job.error && (
                  <p className="max-w-md truncate text-xs text-danger" title={job.error}>
                    {job.error}
                  </p>
                )}
              </Td>
              <Td>
                {t(`target.${params.target}`)}
                <span className="ml-2 text-muted-foreground">{projects.get(params.project ?? 0)}</span>
              </Td>
              <Td>{t(`format.${params.format}`)}</Td>
              <Td className="text-right tabular-nums">{report ? formatNumber(report.exported, i18n.language) : "–"}</Td>
              <Td className="text-right tabular-nums">
                {job.archive ? formatBytes(job.archive.size_bytes, i18n.language) : "–"}
              </Td>
              <Td>
                <When iso={job.created} />
              </Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}
