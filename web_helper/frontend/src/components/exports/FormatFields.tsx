import { useTranslation } from "react-i18next";
import { FORMATS, type Format } from "@/api/exports";
import { type Draft, SHARDED, SHARES, SPLITS, TASKS } from "@/components/exports/draft";
import type { FieldsProps } from "@/components/exports/TargetFields";
import { Field } from "@/components/ui/field";
import { Checkbox, Input, Select } from "@/components/ui/input";

/** Into which format, and how. */
export function FormatFields({ draft, errors, onChange }: FieldsProps) {
  const { t } = useTranslation("exports");
  const tasks = TASKS[draft.format];
  return (
    <fieldset className="grid content-start gap-4">
      <legend className="mb-3 text-sm font-semibold">{t("form.how")}</legend>
      <Field label={t("form.format")} error={errors.format}>
        <Select value={draft.format} onChange={(event) => onChange({ format: event.target.value as Format, task: "" })}>
          {FORMATS.map((format) => (
            <option key={format} value={format}>
              {t(`format.${format}`)}
            </option>
          ))}
        </Select>
      </Field>
      {tasks !== undefined && (
        <Field label={t("form.task")} error={errors.options}>
          <Select value={draft.task || tasks[0]} onChange={(event) => onChange({ task: event.target.value })}>
            {tasks.map((task) => (
              <option key={task} value={task}>
                {t(`form.tasks.${task}`)}
              </option>
            ))}
          </Select>
        </Field>
      )}
      <SplitFields draft={draft} errors={errors} onChange={onChange} />
      {SHARDED.includes(draft.format) && (
        <Field label={t("form.shards")} hint={t("form.shardsHint")} error={errors.shard_items}>
          <Input
            type="number"
            min={0}
            value={draft.shardItems}
            onChange={(event) => onChange({ shardItems: event.target.value })}
          />
        </Field>
      )}
      <Switch label={t("form.images")} isOn={draft.hasImages} onChange={(hasImages) => onChange({ hasImages })} />
      <Switch
        label={t("form.strict")}
        hint={t("form.strictHint")}
        isOn={draft.isStrict}
        onChange={(isStrict) => onChange({ isStrict })}
      />
    </fieldset>
  );
}

function SplitFields({ draft, errors, onChange }: FieldsProps) {
  const { t } = useTranslation("exports");
  return (
    <>
      <Field label={t("form.split")} error={errors.split}>
        <Select value={draft.split} onChange={(event) => onChange({ split: event.target.value as Draft["split"] })}>
          {SPLITS.map((split) => (
            <option key={split} value={split}>
              {t(`form.splits.${split}`)}
            </option>
          ))}
        </Select>
      </Field>
      {draft.split === "shares" && (
        <div className="grid grid-cols-3 gap-2">
          {SHARES.map((name) => (
            <Field key={name} label={t(`form.share.${name}`)}>
              <Input
                type="number"
                min={0}
                max={100}
                step="any"
                value={draft.shares[name]}
                onChange={(event) => onChange({ shares: { ...draft.shares, [name]: event.target.value } })}
              />
            </Field>
          ))}
        </div>
      )}
    </>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

function Switch({ label, hint, isOn, onChange }: SwitchProps) {
  return (
    <div className="grid gap-0.5">
      <label className="flex items-center gap-2">
        <Checkbox checked={isOn} onChange={(event) => onChange(event.target.checked)} />
        {label}
      </label>
      {hint && <p className="pl-6 text-xs text-muted-foreground">{hint}</p>}
    </div>
  );
}
