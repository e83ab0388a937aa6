import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ValueField, type ValueProps } from "@/components/jsonform/ValueField";
import { Button } from "@/components/ui/button";
import { defaultsOf, type Json } from "@/lib/jsonSchema";

/** A list of values, each with a control of its own. */
export function ListField({ schema, root, name, value, onChange, errors, path }: ValueProps) {
  const { t } = useTranslation("plugins");
  const title = schema.title ?? name;
  const items = Array.isArray(value) ? value : [];
  const itemSchema = schema.items ?? {};
  const add = () => onChange([...items, defaultsOf(itemSchema, root) ?? null]);
  const replace = (at: number, next: Json) =>
    onChange(items.map((item, other) => (other === at ? (next ?? null) : item)));
  const remove = (at: number) => onChange(items.filter((_, other) => other !== at));
  return (
    <fieldset className="grid gap-3 rounded-md border p-3">
      <legend className="px-1 font-medium">{title}</legend>
      {schema.description && <p className="text-xs text-muted-foreground">{schema.description}</p>}
      {errors[path] && (
        <p role="alert" className="text-xs text-danger">
          {errors[path]}
        </p>
      )}
      {items.map((item, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an item has nothing but its place.
        <div key={at} className="flex items-end gap-2">
          <div className="min-w-0 flex-1">
            <ValueField
              name={`${title} ${at + 1}`}
              schema={{ ...itemSchema, title: `${title} ${at + 1}` }}
              root={root}
              isRequired
              value={item}
              onChange={(next) => replace(at, next)}
              errors={errors}
              path={`${path}.${at}`}
            />
          </div>
          <Button
            variant="ghost"
            size="icon"
            aria-label={t("form.remove", { name: `${title} ${at + 1}` })}
            onClick={() => remove(at)}
          >
            <Trash2 />
          </Button>
        </div>
      ))}
      <div>
        <Button size="small" onClick={add}>
          <Plus aria-hidden /> {t("form.add", { name: title })}
        </Button>
      </div>
    </fieldset>
  );
}
