/** What a view shows instead of its data: that it is coming, that there is none, that it failed. */
import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";

export function Loading({ label, className }: { label: string; className?: string }) {
  return (
    <div role="status" className={cn("grid gap-2", className)}>
      <span className="sr-only">{label}</span>
      {["w-1/3", "w-full", "w-full", "w-2/3"].map((width, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: four bars that never change.
        <div key={at} className={cn("h-5 animate-pulse rounded bg-muted", width)} />
      ))}
    </div>
  );
}

interface EmptyProps {
  title: string;
  /** What to do next, with the command or in words. */
  children?: ReactNode;
  action?: ReactNode;
}

export function Empty({ title, children, action }: EmptyProps) {
  return (
    <div className="grid justify-items-center gap-3 rounded-lg border border-dashed px-6 py-12 text-center">
      <p className="text-base font-medium">{title}</p>
      {children && <div className="max-w-xl text-muted-foreground">{children}</div>}
      {action}
    </div>
  );
}

interface FailureProps {
  title: string;
  message: string;
  /** Names the request, for those who look into it. */
  reference?: string | undefined;
  retryLabel?: string;
  onRetry?: (() => void) | undefined;
}

export function Failure({ title, message, reference, retryLabel, onRetry }: FailureProps) {
  return (
    <div role="alert" className="flex gap-3 rounded-lg border border-danger/40 bg-card p-4">
      <CircleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
      <div className="grid justify-items-start gap-1">
        <p className="font-medium">{title}</p>
        <p className="break-words whitespace-pre-line">{message}</p>
        {reference && <p className="font-mono text-xs text-muted-foreground">{reference}</p>}
        {onRetry && (
          <Button size="small" className="mt-2" onClick={onRetry}>
            {retryLabel}
          </Button>
        )}
      </div>
    </div>
  );
}
