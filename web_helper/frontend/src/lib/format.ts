/** Numbers, sizes and times as people read them, in the language of the page. */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Number.POSITIVE_INFINITY],
];

export function formatNumber(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(value);
}

/** Rounds measurements to as many digits as tell these two apart, four at least; what is no fraction stays. */
export function roundedApart<T>(a: T, b: T): (value: T) => T {
  for (let digits = 4; digits < 17; digits++) {
    const round = (value: T) => rounded(value, digits);
    if (a === b || round(a) !== round(b)) return round;
  }
  return (value) => value;
}

function rounded<T>(value: T, digits: number): T {
  if (typeof value !== "number" || Number.isInteger(value) || !Number.isFinite(value)) return value;
  // The digits before the point are never rounded away.
  const before = Math.trunc(Math.abs(value)).toString().length;
  return Number(value.toPrecision(Math.max(digits, before))) as T;
}

export function formatBytes(bytes: number, language: string): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  // Only the long form of "byte" has a plural.
  const unitDisplay = step === 0 ? "long" : "short";
  const format = { style: "unit", unit: UNITS[step], unitDisplay, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(language, format).format(bytes / 1000 ** step);
}

export function formatTime(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** "3 minutes ago". */
export function formatAge(iso: string, language: string, now: number = Date.now()): string {
  let value = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(value) < size)
      return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.round(value), unit);
    value /= size;
  }
  return iso;
}

/** "1 h 02 min", "3 min 20 s", "14 s". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return minutes > 0 ? `${minutes} min ${String(rest).padStart(2, "0")} s` : `${rest} s`;
}
