/** What every code pane has: the page's colours in light and dark, line numbers, folding of nothing. */
import "@/components/code/adoptedStyles";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export type CodeLanguage = "python" | "yaml" | "json";

// `light-dark` follows the page's `color-scheme`: one style for both themes.
const HIGHLIGHT = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "light-dark(#6d28a8, #c9a6f5)" },
  { tag: [tags.string, tags.special(tags.string)], color: "light-dark(#1a6334, #93d3a2)" },
  { tag: [tags.number, tags.bool, tags.null], color: "light-dark(#9a3b00, #f0b48a)" },
  { tag: [tags.comment, tags.docString], color: "light-dark(#484e59, #bcc2cd)", fontStyle: "italic" },
  {
    tag: [tags.definition(tags.variableName), tags.function(tags.variableName)],
    color: "light-dark(#1d4fae, #9dc1fa)",
  },
  { tag: [tags.className, tags.typeName, tags.propertyName], color: "light-dark(#0b6470, #8ed3dd)" },
]);

const THEME = EditorView.theme({
  "&": { backgroundColor: "var(--card)", color: "var(--foreground)", fontSize: "13px" },
  "&.cm-focused": { outline: "2px solid var(--ring)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px" },
  ".cm-content": { caretColor: "var(--foreground)" },
  ".cm-cursor": { borderLeftColor: "var(--foreground)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--muted-foreground)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklch, var(--primary) 9%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in oklch, var(--primary) 25%, transparent)",
  },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--foreground)", border: "1px solid var(--border)" },
  ".cm-changedLine": { backgroundColor: "color-mix(in oklch, var(--success) 6%, transparent) !important" },
  "&.cm-merge-a .cm-changedLine": {
    backgroundColor: "color-mix(in oklch, var(--danger) 6%, transparent) !important",
  },
  ".cm-changedText": {
    background: "color-mix(in oklch, var(--success) 9%, transparent) !important",
    borderBottom: "2px solid var(--success)",
  },
  "&.cm-merge-a .cm-changedText": {
    background: "color-mix(in oklch, var(--danger) 9%, transparent) !important",
    borderBottom: "2px solid var(--danger)",
  },
  ".cm-collapsedLines": { background: "var(--muted)", color: "var(--muted-foreground)" },
});

export const APPEARANCE: Extension = [THEME, syntaxHighlighting(HIGHLIGHT)];

/** Only the grammar that is needed is loaded. */
export async function loadLanguage(language: CodeLanguage): Promise<Extension> {
  if (language === "python") return (await import("@codemirror/lang-python")).python();
  if (language === "yaml") return (await import("@codemirror/lang-yaml")).yaml();
  return (await import("@codemirror/lang-json")).json();
}

/** A pane that is read: the keyboard reaches it, and screen readers hear its name. */
export function readOnly(label: string): Extension {
  return [
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": "true", tabindex: "0" }),
  ];
}
