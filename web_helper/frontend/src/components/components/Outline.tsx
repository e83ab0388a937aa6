import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { outlineOf } from "@/components/code/outline";

const INDENTS = ["pl-2", "pl-6", "pl-10", "pl-14"];

/** Classes and functions of the code; each leads to its line. */
export function Outline({ code, onChoose }: { code: string; onChoose: (line: number) => void }) {
  const { t } = useTranslation("components");
  const entries = useMemo(() => outlineOf(code), [code]);
  return (
    <details open className="rounded-lg border bg-card">
      <summary className="cursor-pointer px-3 py-2 text-xs font-medium text-muted-foreground">{t("outline")}</summary>
      {entries.length === 0 && <p className="px-3 pb-2 text-muted-foreground">{t("noOutline")}</p>}
      <ul aria-label={t("outline")} className="max-h-44 overflow-auto px-1 pb-1.5">
        {entries.map(({ kind, name, line, depth }) => (
          <li key={`${line}:${name}`}>
            <button
              type="button"
              onClick={() => onChoose(line)}
              className={`flex w-full items-baseline gap-2 rounded py-0.5 pr-2 text-left hover:bg-muted ${INDENTS[Math.min(depth, 3)]}`}
            >
              <span className="text-xs text-muted-foreground">{t(`kind.${kind}`)}</span>{" "}
              <code className="font-mono text-[13px]">{name}</code>{" "}
              <span className="ml-auto text-xs text-muted-foreground">{line}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
