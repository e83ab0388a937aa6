import { useEffect, useState } from "react";
import { followEvents } from "@/api/events";
import { plainLine } from "@/lib/console";

export interface FollowedLines {
  lines: readonly string[];
  /** Why it ended, where it did not end well. */
  problem: string | null;
  isOver: boolean;
  isConnected: boolean;
}

const NOTHING: FollowedLines = { lines: [], problem: null, isOver: false, isConnected: true };
// A build prints thousands of lines: they are shown together.
const FLUSH_MS = 100;

/** The lines of a stream of log events, as they come. */
export function useFollowedLines(path: string): FollowedLines {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    setState(NOTHING);
    const ending = new AbortController();
    let waiting: string[] = [];
    const flush = () => {
      if (waiting.length === 0) return;
      const added = waiting;
      waiting = [];
      setState((before) => ({ ...before, lines: [...before.lines, ...added] }));
    };
    const timer = setInterval(flush, FLUSH_MS);
    const end = (problem: string | null) => {
      flush();
      setState((before) => ({ ...before, problem, isOver: true }));
    };
    followEvents(path, {
      signal: ending.signal,
      onConnection: (isConnected) => setState((before) => ({ ...before, isConnected })),
      isLast: ({ data }) => readLine(data).type !== "log",
      onEvent: ({ data }) => {
        const { type, message } = readLine(data);
        if (type === "log") waiting.push(...message.replace(/\n$/, "").split("\n").map(plainLine));
        else end(type === "error" ? message : null);
      },
    }).catch((cause: Error) => end(cause.message));
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [path]);
  return state;
}

function readLine(data: string): { type: string; message: string } {
  try {
    const { type, message } = JSON.parse(data) as Record<string, unknown>;
    return { type: String(type), message: String(message ?? "") };
  } catch {
    return { type: "log", message: data };
  }
}
