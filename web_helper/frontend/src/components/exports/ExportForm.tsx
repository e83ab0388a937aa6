import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { PackageOpen } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { exportQueries, startExport } from "@/api/exports";
import { type Draft, requestOf } from "@/components/exports/draft";
import { ExportPreview, usePreview } from "@/components/exports/ExportPreview";
import { FormatFields } from "@/components/exports/FormatFields";
import { type FieldsProps, TargetFields } from "@/components/exports/TargetFields";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";

/** Asks for an export, with a preview of what the form says at the moment. */
export function ExportForm({ initial, onClose }: { initial: Draft; onClose: () => void }) {
  const { t } = useTranslation("exports");
  const { t: common } = useTranslation();
  const [draft, setDraft] = useState(initial);
  const request = requestOf(draft);
  const preview = usePreview(request);
  const start = useStart();
  const change = (changed: Partial<Draft>) => {
    start.reset();
    setDraft((before) => ({ ...before, ...changed }));
  };
  const error = start.error ?? (request === null ? null : preview.error);
  const errors = error instanceof ApiError ? error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (request !== null) start.mutate(request);
  };
  return (
    <section
      aria-label={t("form.title")}
      className="grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]"
    >
      <Card>
        <form className="grid gap-6" onSubmit={submit}>
          <div className="grid grid-cols-1 gap-6 md:grid-cols-2">
            <TargetFields draft={draft} errors={errors} onChange={change} />
            <FormatFields draft={draft} errors={errors} onChange={change} />
          </div>
          <WhereFields draft={draft} errors={errors} onChange={change} />
          {start.error && (
            <p role="alert" className="text-danger">
              {start.error.message}
            </p>
          )}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{common("cancel")}</Button>
            <Button type="submit" variant="primary" disabled={request === null || start.isPending}>
              <PackageOpen aria-hidden /> {start.isPending ? t("form.starting") : t("form.start")}
            </Button>
          </div>
        </form>
      </Card>
      <ExportPreview isComplete={request !== null} preview={preview} />
    </section>
  );
}

function WhereFields({ draft, errors, onChange }: FieldsProps) {
  const { t } = useTranslation("exports");
  const storages = useQuery(exportQueries.storages());
  return (
    <fieldset className="grid grid-cols-1 items-start gap-4 md:grid-cols-2">
      <legend className="mb-3 text-sm font-semibold">{t("form.where")}</legend>
      <Field label={t("form.name")} hint={t("form.nameHint")} error={errors.name}>
        <Input value={draft.name} maxLength={100} onChange={(event) => onChange({ name: event.target.value })} />
      </Field>
      <Field label={t("form.storage")} error={errors.storage}>
        <Select
          value={draft.storage ?? ""}
          onChange={(event) => onChange({ storage: event.target.value ? Number(event.target.value) : undefined })}
        >
          <option value="">{t("form.defaultStorage")}</option>
          {storages.data?.map((storage) => (
            <option key={storage.id} value={storage.id}>
              {storage.name}
            </option>
          ))}
        </Select>
      </Field>
    </fieldset>
  );
}

function useStart() {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: startExport,
    onSuccess: async (jobId) => {
      void queryClient.invalidateQueries({ queryKey: [...exportQueries.all, "list"] });
      await navigate({ to: "/exports/$jobId", params: { jobId } });
    },
  });
}
