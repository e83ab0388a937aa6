/** Reading what an address says after the question mark: what is none of the kind counts as not said. */

export function text(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function wholeNumber(value: unknown): number | undefined {
  const number = Number(value);
  return value !== "" && value !== null && typeof value !== "boolean" && Number.isSafeInteger(number) && number >= 0
    ? number
    : undefined;
}

export function choice<T extends string>(value: unknown, choices: readonly T[]): T | undefined {
  return choices.find((each) => each === value);
}
