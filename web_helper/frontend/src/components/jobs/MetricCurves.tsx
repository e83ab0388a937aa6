import { CartesianGrid, Legend, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { Card, CardTitle } from "@/components/ui/card";
import { type Curve, roundTicks } from "@/lib/metrics";

// Told apart by dashes too, for colour is never the only sign.
const LINES = [
  { stroke: "var(--primary)", strokeDasharray: "0" },
  { stroke: "var(--warning)", strokeDasharray: "6 3" },
  { stroke: "var(--success)", strokeDasharray: "2 3" },
  { stroke: "var(--danger)", strokeDasharray: "8 3 2 3" },
] as const;

/** One chart for each name that was measured. */
export function MetricCurves({ curves }: { curves: readonly Curve[] }) {
  return (
    <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
      {curves.map((curve) => (
        <Card key={curve.key}>
          <CardTitle>{curve.key}</CardTitle>
          <figure aria-label={curve.key} className="h-60">
            <ResponsiveContainer>
              <LineChart data={curve.points} margin={{ top: 4, right: 12, bottom: 0, left: 0 }}>
                <CartesianGrid stroke="var(--border)" vertical={false} />
                <XAxis
                  dataKey="x"
                  type="number"
                  domain={["dataMin", "dataMax"]}
                  ticks={roundTicks(curve.points)}
                  stroke="var(--muted-foreground)"
                />
                <YAxis width={52} domain={["auto", "auto"]} stroke="var(--muted-foreground)" />
                <Tooltip
                  contentStyle={{ background: "var(--card)", border: "1px solid var(--border)", borderRadius: 6 }}
                />
                {curve.categories.some(Boolean) && <Legend />}
                {curve.categories.map((category, at) => (
                  <Line
                    key={category}
                    dataKey={category}
                    name={category || curve.key}
                    {...LINES[at % LINES.length]}
                    strokeWidth={2}
                    dot={curve.points.length < 2}
                    isAnimationActive={false}
                    connectNulls
                  />
                ))}
              </LineChart>
            </ResponsiveContainer>
          </figure>
        </Card>
      ))}
    </div>
  );
}
