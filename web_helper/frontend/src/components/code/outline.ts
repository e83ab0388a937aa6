/** Classes and functions of a Python file, read off its syntax, with errors in it too. */
import { pythonLanguage } from "@codemirror/lang-python";

export interface OutlineEntry {
  kind: "class" | "function";
  name: string;
  /** Counted from 1. */
  line: number;
  /** How deep inside classes and functions it is. */
  depth: number;
}

const KINDS: Readonly<Record<string, OutlineEntry["kind"]>> = {
  ClassDefinition: "class",
  FunctionDefinition: "function",
};

export function outlineOf(code: string): OutlineEntry[] {
  const starts = lineStarts(code);
  const found: OutlineEntry[] = [];
  let depth = 0;
  pythonLanguage.parser.parse(code).iterate({
    enter: (node) => {
      const kind = KINDS[node.name];
      if (kind === undefined) return;
      const name = node.node.getChild("VariableName");
      if (name !== null)
        found.push({ kind, name: code.slice(name.from, name.to), line: lineAt(starts, name.from), depth });
      depth += 1;
    },
    leave: (node) => {
      if (node.name in KINDS) depth -= 1;
    },
  });
  return found;
}

function lineStarts(code: string): number[] {
  const starts = [0];
  for (let at = code.indexOf("\n"); at >= 0; at = code.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], position: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
