import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { createStorage, storageQueries } from "@/api/storages";
import { FormDialog, fieldError } from "@/components/settings/FormDialog";
import { Field } from "@/components/ui/field";
import { Checkbox, Input, Select } from "@/components/ui/input";

/** What each kind of storage is told. */
const KINDS = {
  file_system: ["location"],
  s3: ["bucket_name", "region_name", "endpoint_url", "access_key", "secret_key"],
} as const;
type Kind = keyof typeof KINDS;

export function AddStorage({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const [kind, setKind] = useState<Kind>("file_system");
  const add = useMutation({
    mutationFn: (form: FormData) => createStorage(bodyOf(form, kind)),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: storageQueries.all });
      onOpenChange(false);
    },
  });
  const toggle = (isOpen: boolean) => {
    add.reset();
    onOpenChange(isOpen);
  };
  const fields = ["name", "provider", ...KINDS[kind].map((name) => `configuration.${name}`)];
  return (
    <FormDialog
      title={t("storages.add")}
      submitLabel={t("storages.add")}
      error={add.error}
      fields={fields}
      isPending={add.isPending}
      open={open}
      onOpenChange={toggle}
      onSubmit={add.mutate}
    >
      <Field label={t("storages.name")} error={fieldError(add.error, "name")}>
        <Input name="name" autoComplete="off" />
      </Field>
      <Field label={t("storages.provider")} error={fieldError(add.error, "provider")}>
        <Select value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
          {Object.keys(KINDS).map((name) => (
            <option key={name} value={name}>
              {t(`storages.providers.${name}`)}
            </option>
          ))}
        </Select>
      </Field>
      {KINDS[kind].map((name) => (
        <Field key={name} label={t(`storages.${name}`)} error={fieldError(add.error, `configuration.${name}`)}>
          <Input name={name} autoComplete="off" type={name === "secret_key" ? "password" : "text"} />
        </Field>
      ))}
      <label className="flex items-center gap-2">
        <Checkbox name="is_default" />
        {t("storages.makeDefault")}
      </label>
    </FormDialog>
  );
}

function bodyOf(form: FormData, kind: Kind) {
  const told = KINDS[kind].map((name) => [name, String(form.get(name) ?? "").trim()] as const);
  return {
    name: String(form.get("name")),
    category: "internal" as const,
    provider: kind,
    configuration: Object.fromEntries(told.filter(([, value]) => value !== "")),
    is_default: form.get("is_default") !== null,
  };
}
