import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { APPEARANCE, type CodeLanguage, loadLanguage, readOnly } from "@/components/code/extensions";
import { cn } from "@/lib/cn";

interface CodeDiffProps {
  before: string;
  after: string;
  beforeLabel: string;
  afterLabel: string;
  language: CodeLanguage;
  className?: string;
}

/** Two texts beside each other, what differs marked; long stretches that are equal are folded. */
export function CodeDiff({ before, after, beforeLabel, afterLabel, language, className }: CodeDiffProps) {
  const pane = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const parent = pane.current;
    if (parent === null) return;
    let made: MergeView | null = null;
    let isGone = false;
    void loadLanguage(language).then((grammar) => {
      if (isGone) return;
      const side = (doc: string, label: string) => ({
        doc,
        extensions: [
          lineNumbers(),
          APPEARANCE,
          grammar,
          readOnly(label),
          EditorState.readOnly.of(true),
          EditorView.lineWrapping,
        ],
      });
      made = new MergeView({
        parent,
        a: side(before, beforeLabel),
        b: side(after, afterLabel),
        collapseUnchanged: { margin: 3, minSize: 8 },
        gutter: true,
      });
    });
    return () => {
      isGone = true;
      made?.destroy();
    };
  }, [before, after, beforeLabel, afterLabel, language]);

  return (
    <div className={cn("overflow-hidden rounded-lg border bg-card", className)}>
      <div className="grid grid-cols-2 border-b bg-muted/50 text-xs text-muted-foreground" aria-hidden>
        <span className="truncate px-3 py-1.5">{beforeLabel}</span>
        <span className="truncate border-l px-3 py-1.5">{afterLabel}</span>
      </div>
      <div ref={pane} className="max-h-[32rem] overflow-auto" />
    </div>
  );
}
