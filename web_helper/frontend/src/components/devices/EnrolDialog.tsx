import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { deviceQueries, enrolDevice } from "@/api/devices";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

/** Lets a host join; its key is shown here, and nowhere again. */
export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["devices", "common"]);
  const [host, setHost] = useState("");
  const client = useQueryClient();
  const enrol = useMutation({
    mutationFn: enrolDevice,
    onSuccess: () => client.invalidateQueries({ queryKey: deviceQueries.all }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enrol.mutate(host.trim());
  };
  const field = enrol.error instanceof ApiError ? enrol.error.fields.host_id : undefined;
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={enrol.data ? t("form.done", { host: enrol.data.host_id }) : t("form.title")}
      description={enrol.data ? t("form.once") : t("form.text")}
      closeLabel={t("common:close")}
    >
      {enrol.data ? (
        <Enrolled host={enrol.data.host_id} token={enrol.data.token} onClose={onClose} />
      ) : (
        <form onSubmit={submit} className="grid gap-4">
          <Field label={t("form.host")} hint={t("form.hostHint")} error={field ?? enrol.error?.message}>
            <Input required value={host} onChange={(event) => setHost(event.target.value)} placeholder="gpu-1" />
          </Field>
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{t("common:cancel")}</Button>
            <Button type="submit" variant="primary" disabled={enrol.isPending}>
              {t("form.submit")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Enrolled({ host, token, onClose }: { host: string; token: string; onClose: () => void }) {
  const { t } = useTranslation(["devices", "common"]);
  const words = { label: t("common:copy"), doneLabel: t("common:copied") };
  return (
    <div className="grid gap-3">
      <h3 className="text-xs font-medium text-muted-foreground">{t("form.key")}</h3>
      <Copyable text={token} {...words} />
      <h3 className="text-xs font-medium text-muted-foreground">{t("form.place")}</h3>
      <Copyable text={commandsOf(host, token)} {...words} />
      <Button variant="primary" className="justify-self-end" onClick={onClose}>
        {t("form.close")}
      </Button>
    </div>
  );
}

function commandsOf(host: string, token: string): string {
  const server = globalThis.location.origin;
  const record = JSON.stringify({ host_id: host, server_url: server, token });
  return [
    "mkdir -p ~/.synapse/worker && (umask 077; cat > ~/.synapse/worker/host.json) <<'END'",
    record,
    "END",
    `synapse worker up --server ${server}`,
  ].join("\n");
}
