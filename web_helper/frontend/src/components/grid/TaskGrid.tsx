import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ClassDefinition } from "@/api/projects";
import { PAGE_LENGTH, type TaskCard, type TaskFilters, taskQueries } from "@/api/tasks";
import { Card } from "@/components/grid/Card";
import { targetOf } from "@/components/grid/moves";
import type { Selection } from "@/components/grid/useSelection";

const CELL_WIDTH = 184;
const CELL_HEIGHT = 172;
const GAP = 12;
const MAX_KEPT_PAGES = 40;

interface TaskGridProps {
  projectId: number;
  filters: TaskFilters;
  count: number;
  cursors: (string | null)[];
  classes: ClassDefinition[];
  selection: Selection;
}

/** All tasks of a list at their places; what is on the screen is there, and little more. */
export function TaskGrid({ projectId, filters, count, cursors, classes, selection }: TaskGridProps) {
  const { t } = useTranslation("tasks");
  const frame = useRef<HTMLDivElement>(null);
  const columns = useColumns(frame);
  const rows = useVirtualizer({
    count: Math.ceil(count / columns),
    getScrollElement: () => frame.current,
    estimateSize: () => CELL_HEIGHT + GAP,
    overscan: 3,
  });
  const visible = rows.getVirtualItems();
  const cardAt = useCards(
    projectId,
    filters,
    cursors,
    (visible[0]?.index ?? 0) * columns,
    ((visible.at(-1)?.index ?? 0) + 1) * columns,
  );
  const [active, setActive] = useState(0);
  const current = Math.min(active, Math.max(count - 1, 0));
  const { onKeyDown, onSelect } = useActs({
    projectId,
    filters,
    cursors,
    count,
    columns,
    rows,
    frame,
    selection,
    cardAt,
    current,
    setActive,
  });

  return (
    <>
      <p id="grid-keys" className="sr-only">
        {t("grid.keys")}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a table cannot leave out the rows that are not on the screen. */}
      <div
        ref={frame}
        role="grid"
        aria-label={t("grid.label")}
        aria-describedby="grid-keys"
        aria-rowcount={rows.options.count}
        aria-colcount={columns}
        aria-multiselectable
        onKeyDown={onKeyDown}
        tabIndex={-1}
        className="min-h-0 flex-1 overflow-auto bg-background px-6 pb-6 outline-none will-change-scroll [contain:strict]"
      >
        <div role="presentation" className="relative" style={{ height: rows.getTotalSize() }}>
          {visible.map((row) => (
            // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: its cells take the focus.
            <div
              key={row.key}
              role="row"
              aria-rowindex={row.index + 1}
              className="absolute inset-x-0 top-0 grid"
              style={{
                height: CELL_HEIGHT,
                transform: `translateY(${row.start}px)`,
                gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
                gap: GAP,
              }}
            >
              {Array.from({ length: Math.min(columns, count - row.index * columns) }, (_, column) => {
                const index = row.index * columns + column;
                const card = cardAt(index);
                const isSelected = card !== undefined && selection.ids.has(card.id);
                return (
                  // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: the link inside takes it.
                  <div
                    key={index}
                    role="gridcell"
                    aria-colindex={column + 1}
                    aria-selected={isSelected}
                    className="min-w-0"
                  >
                    {card ? (
                      <Card
                        card={card}
                        classes={classes}
                        index={index}
                        isSelected={isSelected}
                        isActive={index === current}
                        onSelect={onSelect}
                      />
                    ) : (
                      <div className="h-full rounded-lg border bg-muted/60" />
                    )}
                  </div>
                );
              })}
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

function useColumns(frame: React.RefObject<HTMLDivElement | null>): number {
  const [columns, setColumns] = useState(4);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = () => setColumns(Math.max(1, Math.floor((element.clientWidth - 48 + GAP) / (CELL_WIDTH + GAP))));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  return columns;
}

/** The cards of the pages that lie between two places; far pages are forgotten. */
function useCards(projectId: number, filters: TaskFilters, cursors: (string | null)[], from: number, to: number) {
  const queryClient = useQueryClient();
  const first = Math.floor(from / PAGE_LENGTH);
  const last = Math.min(Math.floor(Math.max(to - 1, 0) / PAGE_LENGTH), cursors.length - 1);
  const numbers = Array.from({ length: Math.max(last - first + 1, 0) }, (_, at) => first + at);
  const pages = useQueries({
    queries: numbers.map((number) => taskQueries.page(projectId, filters, number, cursors[number] ?? null)),
  });
  useEffect(() => {
    const kept = queryClient
      .getQueryCache()
      .findAll({ queryKey: [...taskQueries.all, projectId, "page"], type: "inactive" });
    for (const query of kept.slice(0, Math.max(0, kept.length - MAX_KEPT_PAGES)))
      queryClient.getQueryCache().remove(query);
  });
  return (index: number): TaskCard | undefined =>
    pages[Math.floor(index / PAGE_LENGTH) - first]?.data?.[index % PAGE_LENGTH];
}

interface ActsProps extends Omit<TaskGridProps, "classes"> {
  columns: number;
  rows: { scrollToIndex: (index: number) => void };
  frame: React.RefObject<HTMLDivElement | null>;
  cardAt: (index: number) => TaskCard | undefined;
  current: number;
  setActive: (index: number) => void;
}

/** What keys and clicks do. */
function useActs({
  projectId,
  filters,
  cursors,
  count,
  columns,
  rows,
  frame,
  selection,
  cardAt,
  current,
  setActive,
}: ActsProps) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const idsBetween = async (from: number, to: number) => {
    const numbers = Array.from(
      { length: Math.floor(to / PAGE_LENGTH) - Math.floor(from / PAGE_LENGTH) + 1 },
      (_, at) => Math.floor(from / PAGE_LENGTH) + at,
    );
    const pages = await Promise.all(
      numbers.map((number) =>
        queryClient.ensureQueryData(taskQueries.page(projectId, filters, number, cursors[number] ?? null)),
      ),
    );
    const start = (numbers[0] ?? 0) * PAGE_LENGTH;
    return pages
      .flat()
      .map((card) => card.id)
      .slice(from - start, to - start + 1);
  };
  const latest = useRef({ idsBetween, selection, setActive });
  latest.current = { idsBetween, selection, setActive };
  const onSelect = useCallback((index: number, card: TaskCard, event: MouseEvent) => {
    const { idsBetween, selection, setActive } = latest.current;
    setActive(index);
    if (event.shiftKey) void selection.extend(index, idsBetween);
    else selection.toggle(index, card.id);
  }, []);

  const focus = (index: number) => {
    setActive(index);
    rows.scrollToIndex(Math.floor(index / columns));
    // The cell may have to be made first.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => frame.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus()),
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const card = cardAt(current);
    const pageRows = Math.max(1, Math.floor((frame.current?.clientHeight ?? 0) / (CELL_HEIGHT + GAP)));
    const target = targetOf(event.key, { current, count, columns, pageRows });
    if (target !== undefined) {
      event.preventDefault();
      if (event.shiftKey) {
        if (card && selection.ids.size === 0) selection.toggle(current, card.id);
        void selection.extend(target, idsBetween);
      }
      focus(target);
    } else if (event.key === " " && card) {
      event.preventDefault();
      selection.toggle(current, card.id);
    } else if (event.key === "Escape") selection.clear();
    else if (event.key === "Enter" && card && !(event.target instanceof HTMLAnchorElement)) {
      const params = { projectId: String(projectId), taskId: String(card.id) };
      void navigate({ to: "/projects/$projectId/tasks/$taskId", params, search: filters });
    }
  };
  return { onKeyDown, onSelect };
}
