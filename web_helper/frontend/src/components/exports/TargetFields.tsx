import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { EXPORT_TARGETS, type ExportTarget, exportQueries } from "@/api/exports";
import { badLine, type Draft, WORK_STATUSES } from "@/components/exports/draft";
import { VersionFields } from "@/components/exports/VersionFields";
import { Field } from "@/components/ui/field";
import { Select, Textarea } from "@/components/ui/input";

export interface FieldsProps {
  draft: Draft;
  /** What the server says, by the name of the field. */
  errors: Readonly<Record<string, string>>;
  onChange: (change: Partial<Draft>) => void;
}

/** Which rows are exported. */
export function TargetFields({ draft, errors, onChange }: FieldsProps) {
  const { t } = useTranslation("exports");
  const projects = useQuery(exportQueries.projects());
  const bad = badLine(draft.filters);
  const inFilter = Object.entries(errors).filter(([field]) => field.startsWith("filter"));
  const isTruth = draft.target === "ground_truth";
  return (
    <fieldset className="grid content-start gap-4">
      <legend className="mb-3 text-sm font-semibold">{t("form.what")}</legend>
      <Field label={t("form.target")} error={errors.target}>
        <Select value={draft.target} onChange={(event) => onChange({ target: event.target.value as ExportTarget })}>
          {EXPORT_TARGETS.map((target) => (
            <option key={target} value={target}>
              {t(`target.${target}`)}
            </option>
          ))}
        </Select>
      </Field>
      {isTruth ? (
        <VersionFields draft={draft} errors={errors} onChange={onChange} />
      ) : (
        <>
          <Field
            label={t("form.project")}
            error={errors.project}
            hint={projects.data?.length === 0 && t("form.noProjects")}
          >
            <Select
              value={draft.project ?? ""}
              onChange={(event) => onChange({ project: event.target.value ? Number(event.target.value) : undefined })}
            >
              <option value="">{t("form.choose")}</option>
              {projects.data?.map((project) => (
                <option key={project.id} value={project.id}>
                  {project.name}
                </option>
              ))}
            </Select>
          </Field>
          <Field label={t("form.status")}>
            <Select value={draft.status} onChange={(event) => onChange({ status: event.target.value })}>
              <option value="">{t("form.anyStatus")}</option>
              {WORK_STATUSES.map((status) => (
                <option key={status} value={status}>
                  {t(`form.workStatus.${status}`)}
                </option>
              ))}
            </Select>
          </Field>
        </>
      )}
      <Field
        label={t("form.filters")}
        hint={t("form.filtersHint")}
        error={
          bad !== null
            ? t("form.notAFilter", { line: bad })
            : inFilter.map(([field, message]) => `${field.replace("filter.", "")}: ${message}`).join("\n") || undefined
        }
      >
        <Textarea
          value={draft.filters}
          onChange={(event) => onChange({ filters: event.target.value })}
          className="min-h-16 font-mono text-[13px]"
          spellCheck={false}
        />
      </Field>
    </fieldset>
  );
}
