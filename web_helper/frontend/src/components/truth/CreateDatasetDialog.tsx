import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { exportQueries } from "@/api/exports";
import { createDataset, truthQueries } from "@/api/truth";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Select, Textarea } from "@/components/ui/input";

/** Makes a data set in a project. */
export function CreateDatasetDialog({ project, onClose }: { project: number | undefined; onClose: () => void }) {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const projects = useQuery(exportQueries.projects());
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: createDataset,
    onSuccess: async (dataset) => {
      void queryClient.invalidateQueries({ queryKey: truthQueries.all });
      await navigate({ to: "/ground-truth/$datasetId", params: { datasetId: String(dataset.id) } });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate({
      project: Number(form.get("project")),
      name: String(form.get("name")),
      description: String(form.get("description")),
    });
  };
  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const isElsewhere = create.error !== null && Object.keys(fields).length === 0;
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("create.title")}
      description={t("create.description")}
      closeLabel={common("close")}
    >
      <form className="grid gap-4" onSubmit={submit}>
        <Field label={t("list.project")} error={fields.project}>
          <Select name="project" required defaultValue={project ?? ""} key={projects.data?.length}>
            <option value="">{t("create.choose")}</option>
            {projects.data?.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("list.name")} error={fields.name ?? (isElsewhere ? create.error?.message : undefined)}>
          <Input name="name" required maxLength={200} />
        </Field>
        <Field label={t("list.about")} error={fields.description}>
          <Textarea name="description" />
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{common("cancel")}</Button>
          <Button type="submit" variant="primary" disabled={create.isPending}>
            {t("create.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
