/** One colour for each class, the same on every page, in every session and in both themes. */
import type { ClassDefinition } from "@/api/projects";

const HEX = /^#[0-9a-f]{6}$/i;
// An angle that spreads the first classes widely around the wheel.
const GOLDEN_ANGLE = 137.508;

export function colorOf(category: string, classes: readonly ClassDefinition[]): string {
  const definition = classes.find((each) => each.name === category);
  if (definition?.color && HEX.test(definition.color)) return definition.color;
  const hue = definition ? (definition.id * GOLDEN_ANGLE + 190) % 360 : hashOf(category) % 360;
  return `hsl(${Math.round(hue)} 85% 55%)`;
}

function hashOf(text: string): number {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return hash;
}
