import type { Experiment } from "@/api/experiments";

/** What a run took of each axis of its grid: what tells it from the others. */
export function Choices({ choices }: Pick<Experiment, "choices">) {
  if (choices.length === 0) return null;
  return (
    <span className="flex flex-wrap gap-x-3 font-mono text-xs">
      {choices.map(({ key, value }) => (
        <span key={key} className="max-w-full truncate" title={`${key}: ${value}`}>
          <span className="text-muted-foreground">{key}:</span> {value}
        </span>
      ))}
    </span>
  );
}
