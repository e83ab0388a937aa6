import { expect, test } from "vitest";
import { appendConsole, consoleLines, EMPTY_CONSOLE, findLines, plainLine } from "@/lib/console";

const [ESC, BEL] = ["\u001b", "\u0007"];

test.each([
  [`${ESC}[31mred${ESC}[0m`, "red"],
  [`${ESC}]0;a title${BEL}text`, "text"],
  [`${ESC}]8;;https://elsewhere.example${ESC}\\link${ESC}]8;;${ESC}\\`, "link"],
  ["10 %\r50 %\r100 %", "100 %"],
  ["windows\r", "windows"],
  ["a\tb", "a\tb"],
  ["\u202eevil\u2066", "evil"],
  ["nul\u0000 back\u0008", "nul back"],
  ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
])("%j is shown as %j", (line, shown) => {
  expect(plainLine(line)).toBe(shown);
});

test("parts that are cut anywhere make the same lines", () => {
  const first = appendConsole(EMPTY_CONSOLE, "one\ntw", 6);
  const second = appendConsole(first, "o\nthree", 13);

  expect(consoleLines(first)).toEqual(["one", "tw"]);
  expect(consoleLines(second)).toEqual(["one", "two", "three"]);
  expect(second.isCut).toBe(false);
});

test("what the server no longer keeps is told", () => {
  expect(appendConsole(EMPTY_CONSOLE, "newest\n", 5_000).isCut).toBe(true);
});

test("a console that was replaced begins anew", () => {
  const before = appendConsole(EMPTY_CONSOLE, "old old old\n", 12);

  expect(consoleLines(appendConsole(before, "new\n", 4))).toEqual(["new"]);
});

test("lines are found in any case", () => {
  expect(findLines(["Loss 1", "other", "loss 2"], "LOSS")).toEqual([0, 2]);
  expect(findLines(["a"], "")).toEqual([]);
});
