/** The editor's keys. What is written into a field, and what a dialog takes, stays theirs. */
import { useLayoutEffect, useRef } from "react";

export interface Acts {
  next: () => void;
  previous: () => void;
  tool: (tool: "select" | "rectangle" | "polygon" | "keypoints") => void;
  cycle: (step: 1 | -1) => void;
  giveClass: (number: number) => void;
  remove: () => void;
  /** Whether something was selected that could be moved. */
  move: (dx: number, dy: number, resizes: boolean) => boolean;
  add: () => void;
  undo: () => void;
  redo: () => void;
  zoom: (by: number | "fit") => void;
  complete: () => void;
  accept: () => void;
  reject: () => void;
  escape: () => void;
  help: () => void;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** What a key does; undefined when the editor has no use for it. */
export function actOf(event: KeyboardEvent, acts: Acts): (() => unknown) | undefined {
  const { key, shiftKey, altKey } = event;
  const letter = key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (letter === "z") return shiftKey ? acts.redo : acts.undo;
    return letter === "y" ? acts.redo : undefined;
  }
  const arrow = ARROWS[key];
  if (arrow) {
    const [dx, dy] = arrow.map((value) => value * (shiftKey ? 10 : 1)) as [number, number];
    return () => acts.move(dx, dy, altKey);
  }
  if (altKey) return undefined;
  if (/^[1-9]$/.test(key)) return () => acts.giveClass(Number(key));
  if (shiftKey && letter === "a") return acts.accept;
  if (shiftKey && letter === "r") return acts.reject;
  const plain: Record<string, () => void> = {
    pagedown: acts.next,
    pageup: acts.previous,
    v: () => acts.tool("select"),
    b: () => acts.tool("rectangle"),
    p: () => acts.tool("polygon"),
    k: () => acts.tool("keypoints"),
    "]": () => acts.cycle(1),
    "[": () => acts.cycle(-1),
    delete: acts.remove,
    backspace: acts.remove,
    n: acts.add,
    "+": () => acts.zoom(1.25),
    "=": () => acts.zoom(1.25),
    "-": () => acts.zoom(0.8),
    "0": () => acts.zoom("fit"),
    c: acts.complete,
    escape: acts.escape,
    "?": acts.help,
  };
  return plain[letter];
}

export function useKeys(acts: Acts): void {
  const latest = useRef(acts);
  latest.current = acts;
  // From the moment on that it is seen: a key that comes right after would be lost.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("input, select, textarea, [role=dialog], [role=alertdialog], [role=menu]")) return;
      const act = actOf(event, latest.current);
      if (act === undefined) return;
      // Arrows that move nothing scroll.
      if (act() === false) return;
      event.preventDefault();
      // Annotorious has an undo of its own, which knows nothing of the server.
      event.stopPropagation();
    };
    addEventListener("keydown", onKey, { capture: true });
    return () => removeEventListener("keydown", onKey, { capture: true });
  }, []);
}
