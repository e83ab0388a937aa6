import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { releaseVersion, truthQueries } from "@/api/truth";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";

/** Fixes a data set's present state as a version, with a note. */
export function ReleaseDialog({ dataset, onClose }: { dataset: number; onClose: () => void }) {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const release = useMutation({
    mutationFn: (body: { name: string; description: string }) => releaseVersion(dataset, body),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: truthQueries.all });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    release.mutate({ name: String(form.get("name")), description: String(form.get("description")) });
  };
  const fields = release.error instanceof ApiError ? release.error.fields : {};
  const isElsewhere = release.error !== null && Object.keys(fields).length === 0;
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("release.title")}
      description={t("release.description")}
      closeLabel={common("close")}
    >
      <form className="grid gap-4" onSubmit={submit}>
        <Field
          label={t("release.name")}
          hint={t("release.nameHint")}
          error={fields.name ?? (isElsewhere ? release.error?.message : undefined)}
        >
          <Input name="name" required maxLength={100} />
        </Field>
        <Field label={t("release.note")} hint={t("release.noteHint")} error={fields.description}>
          <Textarea name="description" />
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{common("cancel")}</Button>
          <Button type="submit" variant="primary" disabled={release.isPending}>
            {t("release.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
