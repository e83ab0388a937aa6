import type { ComponentProps } from "react";
import { useField } from "@/components/ui/field";
import { cn } from "@/lib/cn";

export const CONTROL =
  "w-full rounded-md border border-input bg-card px-3 text-foreground placeholder:text-muted-foreground disabled:opacity-50 aria-invalid:border-danger";

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input {...useField()} className={cn(CONTROL, "h-9", className)} {...props} />;
}

export function Textarea({ className, ...props }: ComponentProps<"textarea">) {
  return <textarea {...useField()} className={cn(CONTROL, "min-h-20 py-2", className)} {...props} />;
}

/** The browser's own list: it works with every keyboard and screen reader. */
export function Select({ className, ...props }: ComponentProps<"select">) {
  return <select {...useField()} className={cn(CONTROL, "h-9 pr-8", className)} {...props} />;
}

export function Checkbox({ className, ...props }: Omit<ComponentProps<"input">, "type">) {
  return <input type="checkbox" {...useField()} className={cn("size-4 accent-primary", className)} {...props} />;
}
