/** Server-sent events that come back after a broken connection, and go on where they stopped. */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { ApiError, errorOf } from "@/api/client";
import { sessionWatch } from "@/api/connection";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

export interface Following {
  onEvent: (event: EventSourceMessage) => void;
  /** Whether the connection stands; a view says so when it does not. */
  onConnection?: (isOpen: boolean) => void;
  /** True for the event after which nothing comes: the following ends there. */
  isLast?: (event: EventSourceMessage) => boolean;
  signal: AbortSignal;
  lastEventId?: string;
}

/** Follow a stream until its last event or the signal; rejects with an `ApiError` that asking again cannot mend. */
export async function followEvents(path: string, following: Following): Promise<void> {
  const { signal, onConnection } = following;
  let lastEventId = following.lastEventId;
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const isOver = await readOnce(path, lastEventId, {
        ...following,
        onEvent: (event) => {
          pause = FIRST_PAUSE_MS;
          if (event.id !== undefined) lastEventId = event.id;
          following.onEvent(event);
        },
      });
      if (isOver) return;
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof ApiError && cause.status === 401) sessionWatch.dispatchEvent(new Event("end"));
      if (cause instanceof ApiError && cause.status >= 400 && cause.status < 500) throw cause;
    }
    onConnection?.(false);
    await wait(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function readOnce(path: string, lastEventId: string | undefined, following: Following): Promise<boolean> {
  const headers = {
    Accept: "text/event-stream",
    ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
  };
  const answer = await fetch(path, { headers, credentials: "same-origin", signal: following.signal });
  if (!answer.ok || answer.body === null) throw errorOf(answer.status, await answer.json().catch(() => null));
  following.onConnection?.(true);
  let isOver = false;
  const parser = createParser({
    onEvent: (event) => {
      following.onEvent(event);
      isOver ||= following.isLast?.(event) ?? false;
    },
  });
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    parser.feed(text);
    if (isOver) return true;
  }
  return isOver;
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
