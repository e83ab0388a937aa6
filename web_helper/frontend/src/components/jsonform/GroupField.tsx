import { useTranslation } from "react-i18next";
import { withValue } from "@/components/jsonform/JsonForm";
import { ValueField, type ValueProps } from "@/components/jsonform/ValueField";
import { Checkbox } from "@/components/ui/input";
import { defaultsOf, isMap } from "@/lib/jsonSchema";

/** The values of an object together; an optional one is asked for only where it is wanted. */
export function GroupField({ isOptional, ...props }: ValueProps & { isOptional: boolean }) {
  const { t } = useTranslation("plugins");
  const { schema, root, name, value, onChange, errors, path } = props;
  const isOpen = !isOptional || isMap(value);
  const begin = (isWanted: boolean) => onChange(isWanted ? (defaultsOf(schema, root) ?? {}) : undefined);
  return (
    <fieldset className="grid gap-4 rounded-md border p-3">
      <legend className="px-1 font-medium">{schema.title ?? name}</legend>
      {schema.description && <p className="text-xs text-muted-foreground">{schema.description}</p>}
      {errors[path] && (
        <p role="alert" className="text-xs text-danger">
          {errors[path]}
        </p>
      )}
      {isOptional && (
        <label className="flex items-center gap-2">
          <Checkbox checked={isOpen} onChange={(event) => begin(event.target.checked)} />
          {t("form.set", { name: schema.title ?? name })}
        </label>
      )}
      {isOpen &&
        Object.entries(schema.properties ?? {}).map(([part, property]) => (
          <ValueField
            key={part}
            name={part}
            schema={property}
            root={root}
            isRequired={schema.required?.includes(part) ?? false}
            value={isMap(value) ? value[part] : undefined}
            onChange={(next) => onChange(withValue(value, part, next))}
            errors={errors}
            path={`${path}.${part}`}
          />
        ))}
    </fieldset>
  );
}
