/** Saves what is edited a moment after the last step, and keeps it in this browser until the server has it. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, NO_ANSWER } from "@/api/client";
import { readAnnotations, saveAnnotations, type TaskAnnotations, type WorkStatus } from "@/api/tasks";
import type { AnnotationData } from "@/lib/annotations";
import { dropDraft, keepDraft } from "@/lib/drafts";

const SETTLE_MS = 700;
const RETRY_MS = 3_000;
const LOOK_MS = 15_000;

export type SaveState = "saved" | "dirty" | "saving" | "offline" | "refused" | "conflict";

interface Kept {
  revision: string;
  saved: string;
  latest: string;
  status: WorkStatus | undefined;
  isSending: boolean;
  isBlocked: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export function textOf(data: AnnotationData | null | undefined): string {
  return JSON.stringify(data?.annotations?.length ? data : { ...data, annotations: [] });
}

interface Start {
  taskId: number;
  read: TaskAnnotations;
  /** What is on the screen now. */
  data: AnnotationData;
  /** The server has other annotations than those that the restored edits began with. */
  isConflict: boolean;
  onSaved: (answer: TaskAnnotations) => void;
}

export function useAutosave({ taskId, read, data, isConflict, onSaved }: Start) {
  const [state, setState] = useState<SaveState>(isConflict ? "conflict" : "saved");
  const [theirs, setTheirs] = useState<TaskAnnotations | null>(isConflict ? read : null);
  const [problem, setProblem] = useState("");
  const text = textOf(data);
  const kept = useRef<Kept>({
    revision: read.revision,
    saved: textOf(read.data),
    latest: text,
    status: undefined,
    isSending: false,
    isBlocked: isConflict,
    timer: undefined,
  });
  const tell = useRef(onSaved);
  tell.current = onSaved;

  const block = useCallback((found: TaskAnnotations) => {
    kept.current.isBlocked = true;
    setTheirs(found);
    setState("conflict");
  }, []);

  const save = useCallback(async (): Promise<boolean> => {
    const mine = kept.current;
    clearTimeout(mine.timer);
    if (mine.isBlocked) return false;
    if (mine.isSending) return false;
    if (mine.latest === mine.saved && mine.status === undefined) {
      // A step that was taken back before it was sent.
      dropDraft(taskId);
      setState("saved");
      return true;
    }
    const [sending, status] = [mine.latest, mine.status];
    mine.isSending = true;
    setState("saving");
    try {
      const answer = await saveAnnotations(taskId, { expected: mine.revision, data: JSON.parse(sending), status });
      mine.revision = answer.revision;
      mine.saved = sending;
      if (mine.status === status) mine.status = undefined;
      tell.current(answer);
      if (mine.latest === sending && mine.status === undefined) {
        dropDraft(taskId);
        setState("saved");
      } else {
        keepDraft(taskId, { revision: mine.revision, data: JSON.parse(mine.latest) });
        setState("dirty");
        mine.timer = setTimeout(save, SETTLE_MS);
      }
      return true;
    } catch (cause) {
      const status = cause instanceof ApiError ? cause.status : NO_ANSWER;
      if (status === 409) {
        const found = await readAnnotations(taskId).catch(() => null);
        if (found) block(found);
        else mine.timer = setTimeout(save, RETRY_MS);
      } else if (status === NO_ANSWER || status >= 500 || status === 401 || status === 429) {
        setState("offline");
        mine.timer = setTimeout(save, RETRY_MS);
      } else {
        setProblem(cause instanceof Error ? cause.message : "");
        setState("refused");
      }
      return false;
    } finally {
      mine.isSending = false;
    }
  }, [taskId, block]);

  useEffect(() => {
    const mine = kept.current;
    mine.latest = text;
    if (text === mine.saved && !mine.isSending) return;
    keepDraft(taskId, { revision: mine.revision, data: JSON.parse(text) });
    if (mine.isBlocked) return;
    setState((before) => (before === "offline" ? before : "dirty"));
    clearTimeout(mine.timer);
    mine.timer = setTimeout(save, SETTLE_MS);
  }, [text, taskId, save]);

  // Whoever leaves, leaves nothing behind.
  useEffect(() => {
    const flush = () => void save();
    const flushHidden = () => document.visibilityState === "hidden" && flush();
    addEventListener("pagehide", flush);
    document.addEventListener("visibilitychange", flushHidden);
    return () => {
      removeEventListener("pagehide", flush);
      document.removeEventListener("visibilitychange", flushHidden);
      flush();
    };
  }, [save]);

  // Someone else's change is told before one's own meets it.
  useEffect(() => {
    const look = async () => {
      const mine = kept.current;
      if (mine.isSending || mine.isBlocked || document.visibilityState === "hidden") return;
      const known = mine.revision;
      const found = await readAnnotations(taskId).catch(() => null);
      if (found && found.revision !== known && mine.revision === known && !mine.isSending) block(found);
    };
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [taskId, block]);

  const settle = useCallback(
    (found: TaskAnnotations, keepsMine: boolean) => {
      const mine = kept.current;
      mine.revision = found.revision;
      mine.saved = textOf(found.data);
      mine.isBlocked = false;
      setTheirs(null);
      setState("saved");
      if (keepsMine) void save();
      else {
        mine.latest = mine.saved;
        dropDraft(taskId);
      }
    },
    [save, taskId],
  );
  const setStatus = useCallback(
    (status: WorkStatus) => {
      kept.current.status = status;
      return save();
    },
    [save],
  );
  const revision = useCallback(() => kept.current.revision, []);
  return { state, theirs, problem, save, settle, setStatus, revision };
}
