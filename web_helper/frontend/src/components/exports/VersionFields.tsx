import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { truthQueries } from "@/api/truth";
import type { FieldsProps } from "@/components/exports/TargetFields";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";

/** A released version, by its data set. */
export function VersionFields({ draft, errors, onChange }: FieldsProps) {
  const { t } = useTranslation("exports");
  const [chosen, setChosen] = useState<number>();
  const datasets = useInfiniteQuery(truthQueries.datasets({}));
  const current = useQuery({ ...truthQueries.version(draft.version ?? 0), enabled: draft.version !== undefined });
  const dataset = chosen ?? current.data?.dataset_id;
  const versions = useQuery({ ...truthQueries.versions(dataset ?? 0), enabled: dataset !== undefined });
  const choose = (id: string) => {
    setChosen(id === "" ? undefined : Number(id));
    onChange({ version: undefined });
  };
  return (
    <>
      <Field label={t("form.dataset")}>
        <Select value={dataset ?? ""} onChange={(event) => choose(event.target.value)}>
          <option value="">{t("form.choose")}</option>
          {datasets.data?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
      </Field>
      <Field
        label={t("form.version")}
        hint={t("form.versionHint")}
        error={errors["filter.ground_truth_dataset_version"] ?? errors.project}
      >
        <Select
          value={draft.version ?? ""}
          disabled={dataset === undefined}
          onChange={(event) => onChange({ version: event.target.value ? Number(event.target.value) : undefined })}
        >
          <option value="">{t("form.choose")}</option>
          {versions.data?.map((version) => (
            <option key={version.id} value={version.id}>
              {version.name}
            </option>
          ))}
        </Select>
      </Field>
    </>
  );
}
