import { createContext, type ReactNode, useContext, useId } from "react";
import { cn } from "@/lib/cn";

interface FieldIds {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

const FieldContext = createContext<FieldIds | null>(null);

/** The attributes of the control inside a `Field`. */
export function useField(): Partial<FieldIds> {
  return useContext(FieldContext) ?? {};
}

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  /** What the server says is wrong with it. */
  error?: string | undefined;
  className?: string;
  children: ReactNode;
}

/** A control with its label, its hint and what is wrong with it, tied together for screen readers. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ") || undefined;
  return (
    <div className={cn("grid gap-1.5", className)}>
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <FieldContext value={{ id, "aria-describedby": described, "aria-invalid": error ? true : undefined }}>
        {children}
      </FieldContext>
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-muted-foreground">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="text-xs text-danger">
          {error}
        </p>
      )}
    </div>
  );
}
