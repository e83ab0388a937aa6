import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { createToken, SCOPES, type Scope, tokenQueries, type User } from "@/api/accounts";
import { FormDialog, fieldError } from "@/components/settings/FormDialog";
import { Copyable } from "@/components/ui/copyable";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Checkbox, Input } from "@/components/ui/input";

const DAY_MS = 86_400_000;
const FIELDS = ["name", "scopes", "expires_at"] as const;

interface CreateTokenProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Whether the scope of administrators can be given. */
  isAdmin: boolean;
  /** Whose token it becomes; one's own otherwise. */
  owner?: User;
}

/** Asks what the token is for, then shows its key: once. */
export function CreateToken({ open, onOpenChange, isAdmin, owner }: CreateTokenProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const create = useMutation({
    mutationFn: (form: FormData) => createToken({ ...bodyOf(form), ...(owner ? { user: owner.id } : {}) }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tokenQueries.all }),
  });
  const close = (isOpen: boolean) => {
    onOpenChange(isOpen);
    if (!isOpen) create.reset();
  };
  if (create.data)
    return (
      <Dialog
        title={t("tokens.onceTitle")}
        description={t("tokens.once")}
        closeLabel={common("close")}
        open={open}
        onOpenChange={close}
      >
        <Copyable text={create.data.key} label={t("tokens.copy")} doneLabel={common("copied")} />
      </Dialog>
    );
  return (
    <FormDialog
      title={owner ? `${t("tokens.create")}: ${owner.email}` : t("tokens.create")}
      submitLabel={common("create")}
      error={create.error}
      fields={FIELDS}
      isPending={create.isPending}
      open={open}
      onOpenChange={close}
      onSubmit={create.mutate}
    >
      <Field label={t("tokens.name")} hint={t("tokens.nameHint")} error={fieldError(create.error, "name")}>
        <Input name="name" autoComplete="off" />
      </Field>
      <fieldset className="grid gap-2">
        <legend className="mb-1.5 font-medium">{t("tokens.scopes")}</legend>
        {SCOPES.filter((scope) => scope !== "admin" || isAdmin).map((scope) => (
          <label key={scope} className="flex items-center gap-2">
            <Checkbox name="scopes" value={scope} defaultChecked={scope !== "admin"} />
            {t(`tokens.scope.${scope}`)}
          </label>
        ))}
        {fieldError(create.error, "scopes") && (
          <p role="alert" className="text-xs text-danger">
            {fieldError(create.error, "scopes")}
          </p>
        )}
      </fieldset>
      <Field label={t("tokens.days")} hint={t("tokens.daysHint")} error={fieldError(create.error, "expires_at")}>
        <Input name="days" type="number" step="any" className="max-w-32" />
      </Field>
    </FormDialog>
  );
}

function bodyOf(form: FormData) {
  const days = String(form.get("days"));
  return {
    name: String(form.get("name")),
    scopes: form.getAll("scopes") as Scope[],
    ...(days ? { expires_at: new Date(Date.now() + Number(days) * DAY_MS).toISOString() } : {}),
  };
}
