import { forceLinting, lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, type EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { APPEARANCE, type CodeLanguage, loadLanguage } from "@/components/code/extensions";
import { cn } from "@/lib/cn";

export interface LineProblem {
  line: number;
  message: string;
}

interface CodeEditorProps {
  label: string;
  /** What it begins with. What is written into it is its own: text that came back a moment later would undo the keys since. */
  start: string;
  onChange: (value: string) => void;
  language: CodeLanguage;
  problems: readonly LineProblem[];
  className?: string;
}

/** Code to be written, with what is wrong marked at its line. Tab leaves the editor, so that the keyboard is never caught. */
export function CodeEditor({ label, start, onChange, language, problems, className }: CodeEditorProps) {
  const pane = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const tell = useRef(onChange);
  tell.current = onChange;
  const initial = useRef(start);

  useEffect(() => {
    if (pane.current === null) return;
    const grammar = new Compartment();
    const made = new EditorView({
      parent: pane.current,
      doc: initial.current,
      extensions: [
        basicSetup,
        APPEARANCE,
        lintGutter(),
        grammar.of([]),
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) tell.current(update.state.doc.toString());
        }),
      ],
    });
    view.current = made;
    let isGone = false;
    void loadLanguage(language).then((extension) => {
      if (!isGone) made.dispatch({ effects: grammar.reconfigure(extension) });
    });
    return () => {
      isGone = true;
      initial.current = made.state.doc.toString();
      made.destroy();
      view.current = null;
    };
  }, [label, language]);

  useEffect(() => {
    const shown = view.current;
    if (shown === null) return;
    shown.dispatch(
      setDiagnostics(
        shown.state,
        problems.map((problem) => markAt(shown.state, problem)),
      ),
    );
    forceLinting(shown);
  }, [problems]);

  return <div ref={pane} className={cn("overflow-auto rounded-lg border bg-card", className)} />;
}

function markAt(state: EditorState, { line, message }: LineProblem) {
  const { from, to } = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
  return { from, to, message, severity: "error" as const };
}
