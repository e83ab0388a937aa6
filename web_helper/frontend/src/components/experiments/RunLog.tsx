import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { followEvents } from "@/api/events";
import { type Experiment, isOpen } from "@/api/experiments";
import { LogViewer } from "@/components/jobs/LogViewer";
import { QueryFailure } from "@/components/QueryFailure";
import { Loading } from "@/components/ui/states";
import { appendConsole, type Console, consoleLines, EMPTY_CONSOLE } from "@/lib/console";

// What came before is left out: a page that shows a week of printing would be the slowest part of it.
const MAX_LINES = 50_000;

interface Printed {
  console: Console;
  isConnected: boolean;
  /** Whether anything has come: the first lines, or the end. */
  hasBegun: boolean;
  error: Error | null;
}

const NOTHING: Printed = { console: EMPTY_CONSOLE, isConnected: true, hasBegun: false, error: null };

/** What a run prints, as it comes. */
export function RunLog({ experiment }: { experiment: Experiment }) {
  const { t } = useTranslation(["experiments", "common"]);
  const printed = useLog(experiment.uid);
  const { console, isConnected, hasBegun, error } = printed;
  if (error) return <QueryFailure error={error} />;
  if (!hasBegun)
    return isOpen(experiment.status) ? <p>{t("detail.logEmpty")}</p> : <Loading label={t("common:loading")} />;
  return (
    <div className="grid gap-2">
      {!isConnected && (
        <p role="status" className="text-warning">
          {t("detail.lost")}
        </p>
      )}
      <LogViewer
        label={t("detail.logOf", { name: experiment.name })}
        lines={consoleLines(console)}
        isLive={isOpen(experiment.status)}
        note={console.isCut ? t("detail.cut") : undefined}
        className="h-[60vh]"
      />
    </div>
  );
}

/** The log from its beginning on; a broken connection goes on where it was. */
function useLog(uid: string): Printed {
  const [printed, setPrinted] = useState(NOTHING);
  useEffect(() => {
    setPrinted(NOTHING);
    const leaving = new AbortController();
    followEvents(`/api/experiments/${encodeURIComponent(uid)}/log`, {
      signal: leaving.signal,
      isLast: (event) => event.event === "end",
      onConnection: (isConnected) => setPrinted((before) => ({ ...before, isConnected })),
      onEvent: (event) =>
        setPrinted((before) => ({
          ...before,
          hasBegun: true,
          console: event.event === "log" ? append(before.console, event.data) : before.console,
        })),
    }).catch((error: Error) => setPrinted((before) => ({ ...before, error })));
    return () => leaving.abort();
  }, [uid]);
  return printed;
}

function append(before: Console, data: string): Console {
  const event: unknown = JSON.parse(data);
  if (typeof event !== "object" || event === null || !("text" in event) || typeof event.text !== "string")
    return before;
  // Bytes that were printed: what a stream sends is never cut, so they are those of the text.
  const size = before.sizeBytes + new TextEncoder().encode(event.text).length;
  const after = appendConsole(before, event.text, size);
  if (after.lines.length <= MAX_LINES) return after;
  return { ...after, lines: after.lines.slice(-MAX_LINES), isCut: true };
}
