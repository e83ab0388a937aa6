/** Where an editor begins: with what the server has, or with edits that it has not got yet. */
import type { ClassDefinition } from "@/api/projects";
import type { TaskAnnotations } from "@/api/tasks";
import { textOf } from "@/components/editor/useAutosave";
import type { AnnotationData, Drawn } from "@/lib/annotations";
import { dropDraft, readDraft } from "@/lib/drafts";

export function beginning(taskId: number, read: TaskAnnotations) {
  const server = read.data as AnnotationData | null;
  const draft = readDraft(taskId);
  if (draft === null || textOf(draft.data) === textOf(server)) {
    dropDraft(taskId);
    return { data: server, isRestored: false, isConflict: false };
  }
  return { data: draft.data, isRestored: true, isConflict: draft.revision !== read.revision };
}

/** The project's classes; where it has none, those that are in use. */
export function categoriesOf(classes: ClassDefinition[], drawn: Drawn[], fallback: string): string[] {
  if (classes.length > 0) return classes.map((each) => each.name);
  const used = [...new Set(drawn.map((each) => each.annotation.category))].sort();
  return used.length > 0 ? used : [fallback];
}
