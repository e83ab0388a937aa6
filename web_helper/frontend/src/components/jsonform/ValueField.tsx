import { GroupField } from "@/components/jsonform/GroupField";
import { ListField } from "@/components/jsonform/ListField";
import { Field } from "@/components/ui/field";
import { Checkbox, Input, Select, Textarea } from "@/components/ui/input";
import { isNullable, type Json, kindOf, resolve, type Schema } from "@/lib/jsonSchema";

export interface ValueProps {
  name: string;
  schema: Schema;
  /** The schema that references are about. */
  root: Schema;
  isRequired: boolean;
  value: Json;
  onChange: (value: Json) => void;
  errors: Readonly<Record<string, string>>;
  path: string;
}

const LONG_TEXTS = new Set(["textarea", "multi-line"]);

/** One value of a schema: a control, or a group or a list of them. */
export function ValueField(props: ValueProps) {
  const { schema, root, isRequired, errors, path, name } = props;
  const plain = resolve(schema, root);
  const kind = kindOf(plain);
  const parts = { ...props, schema: plain, isRequired: isRequired && !isNullable(schema) };
  if (kind === "object") return <GroupField {...parts} isOptional={isNullable(schema)} />;
  if (kind === "array") return <ListField {...parts} />;
  return (
    <Field
      label={<FieldLabel title={plain.title ?? name} isRequired={parts.isRequired} />}
      hint={plain.description}
      error={errors[path]}
    >
      <Control {...parts} />
    </Field>
  );
}

export function FieldLabel({ title, isRequired }: { title: string; isRequired: boolean }) {
  return (
    <>
      {title}
      {isRequired && <span aria-hidden> *</span>}
    </>
  );
}

function Control({ schema, isRequired, value, onChange }: ValueProps) {
  switch (kindOf(schema)) {
    case "choice":
      return <Choice schema={schema} isRequired={isRequired} value={value} onChange={onChange} />;
    case "boolean":
      return <Checkbox checked={value === true} onChange={(event) => onChange(event.target.checked)} />;
    case "number":
      return (
        <Input
          inputMode="decimal"
          aria-required={isRequired}
          value={textOf(value)}
          onChange={(event) => onChange(numberFrom(event.target.value))}
          className="max-w-56"
        />
      );
    case "text":
      return <Text schema={schema} isRequired={isRequired} value={value} onChange={onChange} />;
    default:
      return <JsonText value={value} onChange={onChange} />;
  }
}

type ControlProps = Pick<ValueProps, "schema" | "isRequired" | "value" | "onChange">;

function Choice({ schema, isRequired, value, onChange }: ControlProps) {
  const options = schema.enum ?? [schema.const];
  return (
    <Select
      aria-required={isRequired}
      value={String(options.indexOf(value))}
      onChange={(event) => onChange(options[Number(event.target.value)])}
      className="max-w-72"
    >
      {(!isRequired || value === undefined) && <option value="-1">–</option>}
      {options.map((option, at) => (
        <option key={String(option)} value={String(at)}>
          {String(option)}
        </option>
      ))}
    </Select>
  );
}

function Text({ schema, isRequired, value, onChange }: ControlProps) {
  const shared = {
    "aria-required": isRequired,
    value: textOf(value),
    onChange: (event: { target: { value: string } }) => onChange(event.target.value || undefined),
  };
  if (LONG_TEXTS.has(schema.format ?? "")) return <Textarea {...shared} />;
  return <Input {...shared} type={schema.format === "password" ? "password" : "text"} autoComplete="off" />;
}

/** Text that is read as JSON; what is none goes to the server as it is, which says so. */
export function JsonText({ value, onChange }: Pick<ValueProps, "value" | "onChange">) {
  return (
    <Textarea
      className="font-mono text-[13px]"
      spellCheck={false}
      defaultValue={value === undefined ? "" : JSON.stringify(value, null, 2)}
      onChange={(event) => onChange(jsonFrom(event.target.value))}
    />
  );
}

function textOf(value: Json): string {
  return value === undefined || value === null ? "" : String(value);
}

function numberFrom(text: string): Json {
  const words = text.trim();
  if (words === "") return undefined;
  // "1." and "-" become numbers with the next key.
  const value = Number(words);
  return Number.isFinite(value) && String(value) === words ? value : words;
}

function jsonFrom(text: string): Json {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
