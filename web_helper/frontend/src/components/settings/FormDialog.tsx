import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";

interface FormDialogProps {
  title: string;
  description?: string;
  submitLabel: string;
  /** What the server said; shown here when no field of the form is named in it. */
  error: Error | null;
  fields: readonly string[];
  isPending: boolean;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onSubmit: (form: FormData) => void;
  children: ReactNode;
}

/** A form in a dialog. What is wrong with a field is said at the field; the rest above the buttons. */
export function FormDialog({
  title,
  description,
  submitLabel,
  error,
  fields,
  isPending,
  open,
  onOpenChange,
  onSubmit,
  children,
}: FormDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog title={title} description={description} closeLabel={t("close")} open={open} onOpenChange={onOpenChange}>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit(new FormData(event.currentTarget));
        }}
      >
        {children}
        {error && !fields.some((field) => fieldError(error, field)) && (
          <p role="alert" className="text-danger">
            {error.message}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={() => onOpenChange(false)}>{t("cancel")}</Button>
          <Button type="submit" variant="primary" disabled={isPending}>
            {submitLabel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface DialogState {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** What adds something: the dialog closes when it is there, `changed` is read again, and an error is forgotten with it. */
export function useAdding(
  { open, onOpenChange }: DialogState,
  send: (form: FormData) => Promise<unknown>,
  changed: QueryKey,
) {
  const queryClient = useQueryClient();
  const { error, isPending, mutate, reset } = useMutation({
    mutationFn: send,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: changed });
      onOpenChange(false);
    },
  });
  const toggle = (isOpen: boolean) => {
    reset();
    onOpenChange(isOpen);
  };
  return { error, isPending, onSubmit: mutate, open, onOpenChange: toggle };
}

/** What the server says of one field, also of a part of it (`scopes.0`). */
export function fieldError(error: Error | null, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const found = Object.entries(error.fields).find(([name]) => name === field || name.startsWith(`${field}.`));
  return found?.[1];
}
