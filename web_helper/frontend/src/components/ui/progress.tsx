import { Progress as Radix } from "radix-ui";
import { cn } from "@/lib/cn";

interface ProgressProps {
  label: string;
  /** From 0 to 1; null where nobody knows how much there is. */
  value: number | null;
  className?: string;
}

export function Progress({ label, value, className }: ProgressProps) {
  const percent = value === null ? null : Math.round(Math.min(Math.max(value, 0), 1) * 100);
  return (
    <Radix.Root
      aria-label={label}
      value={percent}
      className={cn("h-1.5 overflow-hidden rounded-full bg-muted", className)}
    >
      <Radix.Indicator
        className={cn("h-full rounded-full bg-primary transition-[width]", percent === null && "w-1/3 animate-pulse")}
        style={percent === null ? undefined : { width: `${percent}%` }}
      />
    </Radix.Root>
  );
}
