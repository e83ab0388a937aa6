/** A plugin and its release as the server shows them. */
export const PLUGIN = {
  id: 1,
  code: "trainer",
  name: "Trainer",
  category: "custom",
  description: "Trains.",
  created: "2026-01-01T00:00:00Z",
};

export const SCHEMA = {
  type: "object",
  required: ["epochs"],
  properties: {
    epochs: { type: "integer", title: "Epochs", description: "How often.", default: 10 },
    size: { enum: ["s", "m"], title: "Size", default: "s" },
    optimiser: { $ref: "#/$defs/Optimiser" },
    second: { anyOf: [{ $ref: "#/$defs/Optimiser" }, { type: "null" }], default: null, title: "Second" },
    layers: { type: "array", items: { type: "integer" }, title: "Layers", default: [64] },
    augment: { type: "boolean", title: "Augment", default: true },
    note: { type: "string", title: "Note" },
    extra: { title: "Extra" },
  },
  $defs: {
    Optimiser: {
      type: "object",
      title: "Optimiser",
      properties: { rate: { type: "number", title: "Rate", default: 0.1 } },
    },
  },
};

export const RELEASE = {
  id: 7,
  plugin_id: 1,
  plugin_code: "trainer",
  version: "1.0.0",
  config: {
    actions: {
      train: { method: "job", description: "Trains it.", params_schema: SCHEMA },
      old: { method: "job" },
      inference: { method: "serve" },
    },
  },
  sha256: "ab".repeat(32),
  is_debug: false,
  url: "/objects/x/archive.zip",
  created: "2026-01-01T00:00:00Z",
};
