import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Checkbox, Input } from "@/components/ui/input";
import { cn } from "@/lib/cn";
import { findLines } from "@/lib/console";

interface LogViewerProps {
  label: string;
  lines: readonly string[];
  /** Whether more may come: then the newest line is kept in view until one scrolls away. */
  isLive: boolean;
  note?: ReactNode;
  className?: string;
}

const LINE_PIXELS = 20;
// As far from the end as still counts as being there.
const END_PIXELS = 2 * LINE_PIXELS;

/** A log of any length: only the lines in view are in the page. Lines are text, whatever they hold. */
export function LogViewer({ label, lines, isLive, note, className }: LogViewerProps) {
  const { t } = useTranslation("jobs");
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const [isFollowing, setIsFollowing] = useState(isLive);
  const pane = useRef<HTMLElement>(null);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => pane.current,
    estimateSize: () => LINE_PIXELS,
    overscan: 20,
  });
  const found = useMemo(() => findLines(lines, words), [lines, words]);
  const current = found[Math.min(at, found.length - 1)];

  useEffect(() => {
    if (isFollowing && lines.length > 0) virtualizer.scrollToIndex(lines.length - 1, { align: "end" });
  }, [isFollowing, lines.length, virtualizer]);

  const show = (next: number) => {
    if (found.length === 0) return;
    const place = (next + found.length) % found.length;
    setIsFollowing(false);
    setAt(place);
    virtualizer.scrollToIndex(found[place] ?? 0, { align: "center" });
  };
  const noteScroll = () => {
    const element = pane.current;
    if (element === null || !isLive) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= END_PIXELS;
    if (isFollowing && !isAtEnd && element.scrollTop < lastTop.current) setIsFollowing(false);
    lastTop.current = element.scrollTop;
  };
  const lastTop = useRef(0);

  return (
    <div className={cn("grid grid-rows-[auto_minmax(0,1fr)] gap-2", className)}>
      <div className="flex flex-wrap items-center gap-2">
        <search className="flex items-center gap-1">
          <Input
            type="search"
            aria-label={t("log.search")}
            placeholder={t("log.search")}
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
              setAt(0);
            }}
            onKeyDown={(event) => event.key === "Enter" && show(event.shiftKey ? at - 1 : at + (words ? 1 : 0))}
            className="h-8 w-56"
          />
          <Button variant="ghost" size="icon" aria-label={t("log.previous")} onClick={() => show(at - 1)}>
            <ArrowUp />
          </Button>
          <Button variant="ghost" size="icon" aria-label={t("log.next")} onClick={() => show(at + 1)}>
            <ArrowDown />
          </Button>
          <output className="min-w-20 text-xs text-muted-foreground">
            {words !== "" &&
              t("log.found", { at: found.length === 0 ? 0 : Math.min(at, found.length - 1) + 1, count: found.length })}
          </output>
        </search>
        <span className="ml-auto text-xs text-muted-foreground">
          {note} {t("log.lines", { count: lines.length })}
        </span>
        {isLive && (
          <label className="flex items-center gap-2">
            <Checkbox checked={isFollowing} onChange={(event) => setIsFollowing(event.target.checked)} />
            {t("log.follow")}
          </label>
        )}
      </div>
      <section
        ref={pane}
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
        tabIndex={0}
        onScroll={noteScroll}
        className="min-h-64 overflow-auto rounded-lg border bg-card font-mono text-[13px] leading-5"
      >
        <div className="relative min-w-max" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => (
            <div
              key={index}
              className={cn("absolute flex min-w-full whitespace-pre", index === current && "bg-primary/15")}
              style={{ top: start, height: LINE_PIXELS }}
            >
              <span aria-hidden className="w-16 shrink-0 pr-3 text-right text-muted-foreground select-none">
                {index + 1}
              </span>
              <Marked line={lines[index] ?? ""} words={words} />
            </div>
          ))}
        </div>
      </section>
    </div>
  );
}

/** A line with what was searched for marked. */
function Marked({ line, words }: { line: string; words: string }) {
  const start = words === "" ? -1 : line.toLocaleLowerCase().indexOf(words.toLocaleLowerCase());
  if (start < 0) return <span className="pr-4">{line}</span>;
  const end = start + words.length;
  return (
    <span className="pr-4">
      {line.slice(0, start)}
      <mark className="bg-warning/30 text-foreground">{line.slice(start, end)}</mark>
      {line.slice(end)}
    </span>
  );
}
