import { Link, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ComponentSummary } from "@/api/components";
import { Input } from "@/components/ui/input";

/** Every component below its category, with how many there are. */
export function ComponentTree({ components }: { components: readonly ComponentSummary[] }) {
  const { t } = useTranslation("components");
  const [words, setWords] = useState("");
  const wanted = words.trim().toLowerCase();
  const shown = components.filter((each) => each.path.toLowerCase().includes(wanted));
  return (
    <nav aria-label={t("tree")} className="grid gap-3">
      <Input
        type="search"
        aria-label={t("filter")}
        placeholder={t("filter")}
        value={words}
        onChange={(event) => setWords(event.target.value)}
        className="h-8"
      />
      <div className="max-h-[75vh] overflow-auto max-lg:max-h-64 rounded-lg border bg-card p-1.5">
        {shown.length === 0 && <p className="p-2 text-muted-foreground">{t("noMatch")}</p>}
        {byCategory(shown).map(([category, members]) => (
          <details key={category} open className="group">
            <summary className="cursor-pointer rounded px-2 py-1 font-medium hover:bg-muted">
              {category} <span className="text-xs font-normal text-muted-foreground">{members.length}</span>
            </summary>
            <ul className="mb-1 ml-3 border-l pl-1.5">
              {members.map((each) => (
                <TreeItem key={each.path} component={each} />
              ))}
            </ul>
          </details>
        ))}
      </div>
    </nav>
  );
}

function TreeItem({ component }: { component: ComponentSummary }) {
  const { t } = useTranslation("components");
  const { path } = useSearch({ from: "/shell/components" });
  const isShown = path === component.path;
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isShown) item.current?.scrollIntoView({ block: "nearest" });
  }, [isShown]);
  return (
    <li ref={item}>
      <Link
        to="/components"
        search={(before) => ({ set: before.set, path: component.path })}
        aria-current={isShown ? "page" : undefined}
        className="flex items-baseline justify-between gap-2 rounded px-2 py-1 hover:bg-muted aria-[current=page]:bg-primary/10 aria-[current=page]:font-medium"
      >
        <span className="min-w-0 break-words">{component.name}</span>
        <span
          className="text-xs font-normal text-muted-foreground"
          title={t("versions", { count: component.version_count })}
        >
          {component.version_count}
        </span>
      </Link>
    </li>
  );
}

function byCategory(components: readonly ComponentSummary[]): [string, ComponentSummary[]][] {
  const found = new Map<string, ComponentSummary[]>();
  for (const each of components) found.set(each.category, [...(found.get(each.category) ?? []), each]);
  return [...found];
}
