import { CircleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ExperimentPreview } from "@/api/experiments";
import { QueryFailure } from "@/components/QueryFailure";
import { Card, CardTitle } from "@/components/ui/card";
import { Table, Td, Th, Tr } from "@/components/ui/table";

interface GridPreviewProps {
  preview: ExperimentPreview | undefined;
  isChecking: boolean;
  error: Error | null;
}

/** The runs that a config would become, and with which components. */
export function GridPreview({ preview, isChecking, error }: GridPreviewProps) {
  const { t } = useTranslation("experiments");
  if (error) return <QueryFailure error={error} />;
  return (
    <Card aria-label={t("form.preview")} aria-busy={isChecking}>
      <CardTitle>{t("form.preview")}</CardTitle>
      <output className="mb-2 block text-muted-foreground">
        {isChecking ? t("form.checking") : preview ? t("form.count", { count: preview.run_count }) : t("form.start")}
      </output>
      {preview && preview.axes.length > 0 && <Runs preview={preview} />}
      {preview && preview.components.length > 0 && (
        <>
          <h3 className="mt-3 mb-1 text-xs font-medium text-muted-foreground">{t("form.components")}</h3>
          <ul className="max-h-40 overflow-auto font-mono text-[13px]">
            {preview.components.map((path) => (
              <li key={path} className="break-all">
                {path}
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Runs({ preview }: { preview: ExperimentPreview }) {
  const { t } = useTranslation("experiments");
  const rest = preview.run_count - preview.runs.length;
  return (
    <>
      <div className="max-h-64 overflow-auto">
        <Table label={t("form.preview")}>
          <thead>
            <tr>
              <Th>{t("form.number")}</Th>
              {preview.axes.map((axis) => (
                <Th key={axis.key}>{axis.key}</Th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.runs.map((run) => (
              <Tr key={run.grid}>
                <Td>{run.grid + 1}</Td>
                {preview.axes.map((axis) => (
                  <Td key={axis.key} className="font-mono text-[13px] break-words">
                    {run.choices.find((choice) => choice.key === axis.key)?.value ?? "–"}
                  </Td>
                ))}
              </Tr>
            ))}
          </tbody>
        </Table>
      </div>
      {rest > 0 && <p className="mt-1 text-muted-foreground">{t("form.more", { count: rest })}</p>}
    </>
  );
}

/** What is wrong, in words beside the marks in the editor. */
export function ProblemList({ problems, ownFile }: { problems: ExperimentPreview["problems"]; ownFile: string }) {
  const { t } = useTranslation("experiments");
  if (problems.length === 0) return null;
  return (
    <div role="alert" className="rounded-lg border border-danger/40 bg-card p-3">
      <p className="mb-1 flex items-center gap-2 font-medium">
        <CircleAlert className="size-4 text-danger" aria-hidden /> {t("form.problems", { count: problems.length })}
      </p>
      <ul className="grid gap-1">
        {problems.map(({ file, line, message }) => (
          <li key={`${file}:${line}:${message}`} className="break-words">
            <span className="text-muted-foreground">
              {file === ownFile ? t("form.goTo", { line }) : t("form.inFile", { file, line })}:
            </span>{" "}
            {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
