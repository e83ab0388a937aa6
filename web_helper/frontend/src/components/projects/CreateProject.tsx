import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { createProject, projectQueries } from "@/api/projects";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";

const AT_FIELD = ["name", "description"];

/** Asks for a name and classes; opens the new project's tasks. */
export function CreateProject({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation(["tasks", "common"]);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [classes, setClasses] = useState("");
  const create = useMutation({
    mutationFn: createProject,
    onSuccess: async (project) => {
      await queryClient.invalidateQueries({ queryKey: projectQueries.all });
      await navigate({ to: "/projects/$projectId/tasks", params: { projectId: String(project.id) } });
    },
  });
  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const classError = Object.entries(fields).find(([field]) => field.startsWith("configuration"))?.[1];
  const isSaidAtField = AT_FIELD.some((field) => fields[field]) || classError !== undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const names = classes.split("\n").map((each) => each.trim());
    create.mutate({ name, description, classes: names.filter(Boolean) });
  };
  return (
    <Dialog title={t("create.title")} closeLabel={t("common:close")} open={open} onOpenChange={onOpenChange}>
      <form onSubmit={submit} className="grid gap-4" noValidate>
        <Field label={t("create.name")} error={fields.name ?? (isSaidAtField ? undefined : create.error?.message)}>
          <Input value={name} onChange={(event) => setName(event.target.value)} autoFocus required />
        </Field>
        <Field label={t("create.description")} error={fields.description}>
          <Input value={description} onChange={(event) => setDescription(event.target.value)} />
        </Field>
        <Field label={t("create.classes")} hint={t("create.classesHint")} error={classError}>
          <Textarea value={classes} onChange={(event) => setClasses(event.target.value)} rows={4} />
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={() => onOpenChange(false)}>{t("common:cancel")}</Button>
          <Button type="submit" variant="primary" disabled={create.isPending}>
            {t("common:create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
