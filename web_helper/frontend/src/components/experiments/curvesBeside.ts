/** The curves of one run or of several as the charts take them: one chart for each metric, one line for each run. */
import type { Curve } from "@/api/experiments";
import type { Curve as Chart, Point } from "@/lib/metrics";

interface RunOfCurves {
  /** How the line is called; empty where there is only one. */
  name: string;
  curves: readonly Curve[];
}

export function curvesBeside(runs: readonly RunOfCurves[]): Chart[] {
  const names = new Set(runs.flatMap((run) => run.curves.map((curve) => curve.name)));
  return [...names].map((name) => {
    const points = new Map<number, Point>();
    for (const run of runs)
      for (const [x, y] of run.curves.find((curve) => curve.name === name)?.points ?? [])
        if (x !== undefined && y !== undefined) points.set(x, { ...points.get(x), x, [run.name]: y });
    const having = runs.filter((run) => run.curves.some((curve) => curve.name === name));
    return {
      key: name,
      categories: having.map((run) => run.name),
      points: [...points.values()].sort((one, other) => one.x - other.x),
    };
  });
}
