import { useState } from "react";
import { useTranslation } from "react-i18next";
import { createStorage, storageQueries } from "@/api/storages";
import { FormDialog, fieldError, useAdding } from "@/components/settings/FormDialog";
import { Field } from "@/components/ui/field";
import { Checkbox, Input, Select } from "@/components/ui/input";

/** What each kind of storage is told. */
const KINDS = {
  file_system: ["location"],
  s3: ["bucket_name", "region_name", "endpoint_url", "access_key", "secret_key"],
} as const;
type Kind = keyof typeof KINDS;

export function AddStorage(dialog: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation("settings");
  const [kind, setKind] = useState<Kind>("file_system");
  const adding = useAdding(dialog, (form) => createStorage(bodyOf(form, kind)), storageQueries.all);
  const fields = ["name", "provider", ...KINDS[kind].map((name) => `configuration.${name}`)];
  return (
    <FormDialog title={t("storages.add")} submitLabel={t("storages.add")} fields={fields} {...adding}>
      <Field label={t("storages.name")} error={fieldError(adding.error, "name")}>
        <Input name="name" autoComplete="off" />
      </Field>
      <Field label={t("storages.provider")} error={fieldError(adding.error, "provider")}>
        <Select value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
          {Object.keys(KINDS).map((name) => (
            <option key={name} value={name}>
              {t(`storages.providers.${name}`)}
            </option>
          ))}
        </Select>
      </Field>
      {KINDS[kind].map((name) => (
        <Field key={name} label={t(`storages.${name}`)} error={fieldError(adding.error, `configuration.${name}`)}>
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
