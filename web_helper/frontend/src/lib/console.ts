/** What a program prints, as lines that a page can show: no colour codes, no control characters, no lines that overwrite themselves. */

export interface Console {
  lines: readonly string[];
  /** The last line, while its end has not come. */
  rest: string;
  /** Bytes that were printed so far, kept or not. */
  sizeBytes: number;
  /** Whether the oldest part is gone. */
  isCut: boolean;
}

export const EMPTY_CONSOLE: Console = { lines: [], rest: "", sizeBytes: 0, isCut: false };

const [ESCAPE, BELL] = [27, 7].map((code) => String.fromCharCode(code));
// Colours and cursor movements, window titles and links, and single escapes.
const ANSI = new RegExp(
  `${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)?|[ -/]*[0-~])`,
  "g",
);
// Control characters but the tab, and those that change the direction of the text around them.
const CONTROL = /(?!\t)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

export function plainLine(line: string): string {
  const plain = line.replace(ANSI, "");
  // Progress bars write over their line: what a terminal would show is what came last.
  const shown = plain.replace(/\r+$/, "");
  return shown.slice(shown.lastIndexOf("\r") + 1).replace(CONTROL, "");
}

/** The console after `text` came; `sizeBytes` is all that was printed by then. */
export function appendConsole(before: Console, text: string, sizeBytes: number): Console {
  // A console that was replaced by a shorter one begins anew.
  const start = sizeBytes < before.sizeBytes ? EMPTY_CONSOLE : before;
  if (text === "" && sizeBytes === before.sizeBytes) return before;
  const parts = (start.rest + text).split("\n");
  const rest = parts.pop() ?? "";
  const isCut = start.isCut || new TextEncoder().encode(text).length < sizeBytes - start.sizeBytes;
  return { lines: [...start.lines, ...parts.map(plainLine)], rest, sizeBytes, isCut };
}

/** All lines, the unfinished one too. */
export function consoleLines({ lines, rest }: Console): readonly string[] {
  const last = plainLine(rest);
  return last === "" ? lines : [...lines, last];
}

/** Places of the lines that hold `words`, in any case. */
export function findLines(lines: readonly string[], words: string): number[] {
  const wanted = words.toLocaleLowerCase();
  if (wanted === "") return [];
  const found: number[] = [];
  for (const [at, line] of lines.entries()) if (line.toLocaleLowerCase().includes(wanted)) found.push(at);
  return found;
}
