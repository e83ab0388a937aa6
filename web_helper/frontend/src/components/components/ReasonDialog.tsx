import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input, Textarea } from "@/components/ui/input";

interface ReasonDialogProps {
  title: string;
  text: string;
  confirmLabel: string;
  /** The name that shall be given, where one is. */
  asksName?: boolean;
  onClose: () => void;
  /** Rejects with what the server refuses; the dialog stays open and says so. */
  onConfirm: (reason: string, name: string) => Promise<unknown>;
  children?: ReactNode;
}

/** Asks why before something is changed for everybody. */
export function ReasonDialog(props: ReasonDialogProps) {
  const { title, text, confirmLabel, asksName = false, onClose, onConfirm, children } = props;
  const { t } = useTranslation(["components", "common"]);
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [isPending, setIsPending] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsPending(true);
    onConfirm(reason.trim(), name.trim()).then(onClose, (cause: Error) => {
      setError(cause);
      setIsPending(false);
    });
  };
  const nameError = nameErrorOf(error);
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={title}
      description={text}
      closeLabel={t("common:close")}
    >
      <form onSubmit={submit} className="grid gap-4">
        {children}
        {asksName && (
          <Field label={t("reason.name")} error={nameError}>
            <Input required value={name} onChange={(event) => setName(event.target.value)} placeholder="stable" />
          </Field>
        )}
        <Field label={t("reason.label")} hint={t("reason.hint")}>
          <Textarea maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
        {error && !nameError && (
          <p role="alert" className="break-words text-danger">
            {error.message}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" variant="primary" disabled={isPending}>
            {confirmLabel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function nameErrorOf(error: Error | null): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  return Object.entries(error.fields).find(([field]) => field.includes("aliases"))?.[1];
}
