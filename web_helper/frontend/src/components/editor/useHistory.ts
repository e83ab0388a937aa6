/** The annotations with what they were before, so that every step can be taken back. */
import { useCallback, useReducer } from "react";
import type { Drawn } from "@/lib/annotations";

const MAX_STEPS = 200;

interface History {
  past: Drawn[][];
  present: Drawn[];
  future: Drawn[][];
}

type Step = { type: "change" | "reset"; next: Drawn[] } | { type: "undo" | "redo" };

export function step(history: History, action: Step): History {
  const { past, present, future } = history;
  switch (action.type) {
    case "change":
      return { past: [...past, present].slice(-MAX_STEPS), present: action.next, future: [] };
    case "reset":
      return { past: [], present: action.next, future: [] };
    case "undo": {
      const before = past.at(-1);
      return before ? { past: past.slice(0, -1), present: before, future: [present, ...future] } : history;
    }
    case "redo": {
      const [after, ...rest] = future;
      return after ? { past: [...past, present], present: after, future: rest } : history;
    }
  }
}

export function useHistory(start: () => Drawn[]) {
  const [history, dispatch] = useReducer(step, null, () => ({ past: [], present: start(), future: [] }) as History);
  return {
    present: history.present,
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    change: useCallback((next: Drawn[]) => dispatch({ type: "change", next }), []),
    reset: useCallback((next: Drawn[]) => dispatch({ type: "reset", next }), []),
    undo: useCallback(() => dispatch({ type: "undo" }), []),
    redo: useCallback(() => dispatch({ type: "redo" }), []),
  };
}
