/**
 * Whether the server can be reached. TanStack Query keeps this state: while it is offline, what would be asked or sent
 * waits, and goes out when the server is back.
 */
import { onlineManager } from "@tanstack/react-query";

/** Tells of a session that has ended (`end`) where no query and no mutation does: in a stream. */
export const sessionWatch = new EventTarget();

export function noteNoAnswer(): void {
  onlineManager.setOnline(false);
}

/** Ask whether the server is there again; true once it is. */
export async function lookForServer(): Promise<boolean> {
  const isThere = await fetch("/health/", { cache: "no-store" }).then(
    (answer) => answer.ok,
    () => false,
  );
  if (isThere) onlineManager.setOnline(true);
  return isThere;
}
