import type { ReactNode } from "react";
import type { User } from "@/api/accounts";

export interface SectionProps {
  me: User;
}

interface SectionFrameProps {
  title: string;
  description: string;
  actions?: ReactNode;
  children: ReactNode;
}

/** One section's title, its button and its content. */
export function SectionFrame({ title, description, actions, children }: SectionFrameProps) {
  return (
    <section aria-label={title} className="grid min-w-0 gap-4">
      <header className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <h2 className="text-base font-semibold">{title}</h2>
          <p className="text-muted-foreground">{description}</p>
        </div>
        {actions}
      </header>
      {children}
    </section>
  );
}
