import { expect, test } from "vitest";
import { defaultsOf, kindOf, resolve, type Schema } from "@/lib/jsonSchema";

const ROOT: Schema = {
  type: "object",
  required: ["epochs"],
  properties: {
    epochs: { type: "integer", default: 10 },
    optimiser: { $ref: "#/$defs/Optimiser", title: "Mine" },
    second: { anyOf: [{ $ref: "#/$defs/Optimiser" }, { type: "null" }], default: null },
    seed: { anyOf: [{ type: "integer" }, { type: "null" }], default: null },
    mixed: { anyOf: [{ type: "integer" }, { type: "string" }] },
    sizes: { type: "array", items: { type: "integer" }, default: [1, 2] },
    pair: { type: "array", prefixItems: [{ type: "integer" }], items: {} },
    free: { type: "object" },
  },
  $defs: { Optimiser: { type: "object", title: "Optimiser", properties: { rate: { type: "number", default: 0.1 } } } },
};
const property = (name: string): Schema => resolve(ROOT.properties?.[name] ?? {}, ROOT);

test("references and optional values are read as what they stand for", () => {
  expect(property("optimiser")).toMatchObject({ type: "object", title: "Mine" });
  expect(kindOf(property("second"))).toBe("object");
  expect(kindOf(property("seed"))).toBe("number");
});

test("what a form cannot ask in parts is asked as JSON", () => {
  for (const name of ["mixed", "pair", "free"]) expect(kindOf(property(name))).toBe("json");
});

test("a form begins with the defaults, nested ones too", () => {
  expect(defaultsOf(ROOT, ROOT)).toEqual({ epochs: 10, optimiser: { rate: 0.1 }, sizes: [1, 2] });
});

test("a schema that refers to itself ends", () => {
  const tree: Schema = {
    $ref: "#/$defs/Node",
    $defs: { Node: { type: "object", properties: { child: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] } } } },
  };

  expect(defaultsOf(tree, tree)).toEqual({});
});
