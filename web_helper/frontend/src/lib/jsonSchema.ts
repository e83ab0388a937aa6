/** Reading the JSON Schema that pydantic makes of a model: references, optional values, defaults. */

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };
export type JsonMap = { [key: string]: Json };

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  enum?: Json[];
  const?: Json;
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}

export type Kind = "object" | "array" | "boolean" | "number" | "choice" | "text" | "json";

const DEFINITIONS = "#/$defs/";

/** A schema without references; of an optional value, the schema of the value. */
export function resolve(schema: Schema, root: Schema): Schema {
  if (schema.$ref?.startsWith(DEFINITIONS)) {
    const { $ref, ...own } = schema;
    return { ...resolve(root.$defs?.[$ref.slice(DEFINITIONS.length)] ?? {}, root), ...own };
  }
  const [only, ...others] = (schema.anyOf ?? schema.allOf ?? []).filter((option) => option.type !== "null");
  if (only === undefined || others.length > 0) return schema;
  const { anyOf, allOf, ...own } = schema;
  return { ...resolve(only, root), ...own };
}

/** Whether a value may be left out as null. */
export function isNullable(schema: Schema): boolean {
  return schema.anyOf?.some((option) => option.type === "null") ?? false;
}

export function kindOf(schema: Schema): Kind {
  if (schema.enum !== undefined || schema.const !== undefined) return "choice";
  if (schema.type === "object" && schema.properties !== undefined) return "object";
  if (schema.type === "array" && schema.items !== undefined && schema.prefixItems === undefined) return "array";
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "integer" || schema.type === "number") return "number";
  return schema.type === "string" ? "text" : "json";
}

/** What a form begins with: every default that is something. */
export function defaultsOf(schema: Schema, root: Schema): Json {
  if (schema.default !== undefined && schema.default !== null) return structuredClone(schema.default);
  if (isNullable(schema)) return undefined;
  const plain = resolve(schema, root);
  if (plain.default !== undefined && plain.default !== null) return structuredClone(plain.default);
  if (kindOf(plain) !== "object") return undefined;
  const values: JsonMap = {};
  for (const [name, property] of Object.entries(plain.properties ?? {})) {
    const value = defaultsOf(property, root);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

export function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
