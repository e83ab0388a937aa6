/** Edits that the server does not have yet, kept in this browser: a tab or a server that dies takes none along. */
import type { AnnotationData } from "@/lib/annotations";

export interface Draft {
  /** The revision that the edits began with. */
  revision: string;
  data: AnnotationData;
}

const name = (taskId: number) => `synapse-draft-${taskId}`;

/** Whether it could be kept: a browser's store is small, and may be forbidden. */
export function keepDraft(taskId: number, draft: Draft): boolean {
  try {
    localStorage.setItem(name(taskId), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function readDraft(taskId: number): Draft | null {
  try {
    const draft: unknown = JSON.parse(localStorage.getItem(name(taskId)) ?? "null");
    return isDraft(draft) ? draft : null;
  } catch {
    return null;
  }
}

export function dropDraft(taskId: number): void {
  localStorage.removeItem(name(taskId));
}

function isDraft(value: unknown): value is Draft {
  return typeof value === "object" && value !== null && "revision" in value && "data" in value;
}
