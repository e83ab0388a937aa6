/** Measurements of a run as curves: one chart per name, one line per category. */

export interface Point {
  x: number;
  [category: string]: number;
}

export interface Curve {
  key: string;
  categories: string[];
  points: Point[];
}

interface MetricEvent {
  data?: unknown;
}

interface Measured {
  category: string;
  key: string;
  value: number;
  x: number | undefined;
}

// What people count by, in the order in which it is looked for.
const COUNTERS = ["epoch", "step", "iteration"];

export function curvesOf(events: readonly MetricEvent[]): Curve[] {
  const byKey = new Map<string, Map<string, { x: number; value: number }[]>>();
  for (const { data } of events) {
    const measured = readMetric(data);
    if (measured === null) continue;
    const categories = byKey.get(measured.key) ?? new Map<string, { x: number; value: number }[]>();
    const line = categories.get(measured.category) ?? [];
    line.push({ x: measured.x ?? line.length + 1, value: measured.value });
    byKey.set(measured.key, categories.set(measured.category, line));
  }
  return [...byKey].map(([key, categories]) => ({
    key,
    categories: [...categories.keys()],
    points: joined(categories),
  }));
}

function joined(categories: Map<string, { x: number; value: number }[]>): Point[] {
  const points = new Map<number, Point>();
  for (const [category, line] of categories)
    for (const { x, value } of line) points.set(x, { ...points.get(x), x, [category]: value });
  return [...points.values()].sort((one, other) => one.x - other.x);
}

function readMetric(data: unknown): Measured | null {
  if (typeof data !== "object" || data === null) return null;
  const { category, key, value, metrics } = data as Record<string, unknown>;
  if (typeof key !== "string" || typeof value !== "number" || !Number.isFinite(value)) return null;
  const counts = typeof metrics === "object" && metrics !== null ? (metrics as Record<string, unknown>) : {};
  const x = COUNTERS.map((name) => counts[name]).find((count) => typeof count === "number");
  return { category: typeof category === "string" ? category : "", key, value, x };
}

/** Round numbers between the first point and the last, about five of them. */
export function roundTicks(points: readonly Point[]): number[] {
  const [first, last] = [points[0]?.x ?? 0, points.at(-1)?.x ?? 0];
  const rough = Math.max((last - first) / 5, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const start = Math.ceil(first / step);
  return Array.from({ length: Math.floor(last / step) - start + 1 }, (_, at) => (start + at) * step);
}

/** The newest figures of each step of a run: `metrics_record.record.steps`. */
export function figuresOf(record: unknown): [string, [string, unknown][]][] {
  const steps = inside(inside(record, "record"), "steps");
  return Object.entries(steps).map(([step, values]) => [step, Object.entries(inside({ values }, "values"))]);
}

export interface StepProgress {
  name: string;
  percent: number;
}

/** How far a run is, in percent, and its steps: `progress_record`. */
export function progressOf(record: unknown): { overall: number; step: string; steps: StepProgress[] } | null {
  const current = inside(record, "current_progress");
  if (typeof current.overall !== "number") return null;
  const steps = Object.entries(inside(inside(record, "record"), "steps"));
  return {
    overall: current.overall,
    step: typeof current.step === "string" ? current.step : "",
    steps: steps.map(([name, step]) => {
      const { percent } = inside({ step }, "step");
      return { name, percent: typeof percent === "number" ? percent : 0 };
    }),
  };
}

function inside(value: unknown, key: string): Record<string, unknown> {
  const found = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
}
