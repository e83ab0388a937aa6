import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { APPEARANCE, type CodeLanguage, loadLanguage, readOnly } from "@/components/code/extensions";
import { cn } from "@/lib/cn";

interface CodeViewProps {
  label: string;
  code: string;
  language: CodeLanguage;
  /** Brought into view and marked; counted from 1. */
  line?: number | undefined;
  className?: string;
}

/** Code to be read. It is text, whatever it holds. */
export function CodeView({ label, code, language, line, className }: CodeViewProps) {
  const pane = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);

  useEffect(() => {
    if (pane.current === null) return;
    const grammar = new Compartment();
    const made = new EditorView({
      parent: pane.current,
      state: EditorState.create({
        doc: code,
        extensions: [lineNumbers(), APPEARANCE, readOnly(label), EditorState.readOnly.of(true), grammar.of([])],
      }),
    });
    view.current = made;
    let isGone = false;
    void loadLanguage(language).then((extension) => {
      if (!isGone) made.dispatch({ effects: grammar.reconfigure(extension) });
    });
    return () => {
      isGone = true;
      made.destroy();
      view.current = null;
    };
  }, [code, label, language]);

  useEffect(() => {
    const shown = view.current;
    if (shown === null || line === undefined || code === "") return;
    const { from, to } = shown.state.doc.line(Math.min(Math.max(line, 1), shown.state.doc.lines));
    shown.dispatch({
      selection: { anchor: from, head: to },
      effects: EditorView.scrollIntoView(from, { y: "start", yMargin: 40 }),
    });
  }, [line, code]);

  return <div ref={pane} className={cn("overflow-auto rounded-lg border bg-card", className)} />;
}
