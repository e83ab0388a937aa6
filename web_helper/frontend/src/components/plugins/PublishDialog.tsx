import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Upload } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { pluginQueries, publishArchive } from "@/api/plugins";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Checkbox, Input } from "@/components/ui/input";
import { Progress } from "@/components/ui/progress";

/** Sends a plugin's archive; the server reads from the archive what it is. */
export function PublishDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("plugins");
  const { t: common } = useTranslation();
  const [share, setShare] = useState(0);
  const publish = usePublish(onClose, setShare);
  const [file, setFile] = useState<File | null>(null);
  const [isDebug, setIsDebug] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    publish.mutate({ file, isDebug });
  };
  const fields = publish.error instanceof ApiError ? publish.error.fields : {};
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("publish.title")}
      description={t("publish.description")}
      closeLabel={common("close")}
    >
      <form className="grid gap-4" onSubmit={submit} noValidate>
        <Field label={t("publish.file")} hint={t("publish.fileHint")} error={fields.file ?? publish.error?.message}>
          <Input
            type="file"
            accept=".zip,application/zip"
            aria-required
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
            className="py-1.5"
          />
        </Field>
        <Field label={t("publish.debug")} hint={t("publish.debugHint")}>
          <Checkbox checked={isDebug} onChange={(event) => setIsDebug(event.target.checked)} />
        </Field>
        <div className="grid gap-1.5">
          <p className="text-xs text-muted-foreground">{t("publish.command")}</p>
          <Copyable
            text="synapse plugin publish --path my-plugin"
            label={common("copy")}
            doneLabel={common("copied")}
          />
        </div>
        {publish.isPending && <Progress label={t("publish.sending")} value={share} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{common("cancel")}</Button>
          <Button type="submit" variant="primary" disabled={publish.isPending}>
            <Upload aria-hidden /> {t("publish.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function usePublish(onClose: () => void, onProgress: (share: number) => void) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ file, isDebug }: { file: File | null; isDebug: boolean }) =>
      publishArchive(file, { isDebug, onProgress }),
    onSuccess: async (release) => {
      await queryClient.invalidateQueries({ queryKey: pluginQueries.all });
      onClose();
      await navigate({ to: "/plugins/$code", params: { code: release.plugin_code } });
    },
  });
}
