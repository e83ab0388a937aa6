/** A form made from a JSON Schema. What it cannot ask in parts is typed as JSON; the server says what does not fit. */
import { ValueField } from "@/components/jsonform/ValueField";
import { isMap, type Json, type JsonMap, resolve, type Schema } from "@/lib/jsonSchema";

interface JsonFormProps {
  schema: Schema;
  value: JsonMap;
  onChange: (value: JsonMap) => void;
  /** Messages by path, such as `params.optimiser.rate`. */
  errors: Readonly<Record<string, string>>;
  /** The path of the whole value in `errors`. */
  path: string;
}

export function JsonForm({ schema, value, onChange, errors, path }: JsonFormProps) {
  const plain = resolve(schema, schema);
  const set = (name: string, next: Json) => onChange(withValue(value, name, next));
  return (
    <div className="grid gap-4">
      {Object.entries(plain.properties ?? {}).map(([name, property]) => (
        <ValueField
          key={name}
          name={name}
          schema={property}
          root={schema}
          isRequired={plain.required?.includes(name) ?? false}
          value={value[name]}
          onChange={(next) => set(name, next)}
          errors={errors}
          path={`${path}.${name}`}
        />
      ))}
    </div>
  );
}

/** A map with one value set, or without it. */
export function withValue(map: Json, name: string, next: Json): JsonMap {
  const { [name]: _, ...rest } = isMap(map) ? map : {};
  return next === undefined ? rest : { ...rest, [name]: next };
}
