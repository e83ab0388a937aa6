import { Link } from "@tanstack/react-router";
import { Bot, CircleCheck, CircleDashed, CirclePlay, CircleX, ImageOff, Trash2 } from "lucide-react";
import { type MouseEvent, memo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ClassDefinition } from "@/api/projects";
import type { TaskCard } from "@/api/tasks";
import { Outlines } from "@/components/grid/Outlines";
import { cn } from "@/lib/cn";

const STATUS_ICONS = { pending: CircleDashed, in_progress: CirclePlay, completed: CircleCheck } as const;

interface CardProps {
  card: TaskCard;
  classes: ClassDefinition[];
  index: number;
  isSelected: boolean;
  isActive: boolean;
  onSelect: (index: number, card: TaskCard, event: MouseEvent) => void;
}

/** One task: its picture with the annotations over it leads to the editor, its box selects it. */
export const Card = memo(function Card({ card, classes, index, isSelected, isActive, onSelect }: CardProps) {
  const { t } = useTranslation("tasks");
  const label = t("grid.card", { name: card.name, status: t(`status.${card.status}`), count: card.annotation_count });
  const select = (event: MouseEvent) => onSelect(index, card, event);
  const open = (event: MouseEvent) => {
    if (!event.shiftKey && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    select(event);
  };
  return (
    <div
      className={cn(
        "relative flex h-full flex-col overflow-hidden rounded-lg border bg-card",
        isSelected && "border-primary ring-1 ring-primary",
        card.is_discarded && "opacity-60",
      )}
    >
      <Link
        from="/projects/$projectId/tasks"
        to="/projects/$projectId/tasks/$taskId"
        params={{ projectId: String(card.project_id), taskId: String(card.id) }}
        search={(filters) => filters}
        preload={false}
        data-index={index}
        tabIndex={isActive ? 0 : -1}
        aria-label={label}
        onClick={open}
        className="relative min-h-0 flex-1 bg-muted -outline-offset-2"
      >
        <Picture card={card} />
        <Outlines card={card} classes={classes} />
      </Link>
      <input
        type="checkbox"
        aria-label={t("grid.select", { name: card.name })}
        checked={isSelected}
        tabIndex={-1}
        onClick={select}
        onChange={() => undefined}
        className="absolute top-2 left-2 size-4 accent-primary"
      />
      <Caption card={card} />
    </div>
  );
});

function Caption({ card }: { card: TaskCard }) {
  const { t } = useTranslation("tasks");
  const Icon = STATUS_ICONS[card.status];
  return (
    <div className="flex h-8 shrink-0 items-center gap-1.5 px-2 text-xs">
      <Icon className="size-3.5 shrink-0 text-muted-foreground" aria-label={t(`status.${card.status}`)} />
      <span className="min-w-0 flex-1 truncate" title={card.name}>
        {card.name}
      </span>
      {card.is_discarded && <Trash2 className="size-3.5 text-danger" aria-label={t("grid.isDiscarded")} />}
      {card.review === "approved" && (
        <CircleCheck className="size-3.5 text-success" aria-label={t("review.approved")} />
      )}
      {card.review === "rejected" && <CircleX className="size-3.5 text-danger" aria-label={t("review.rejected")} />}
      {card.is_pre_annotated && <Bot className="size-3.5 text-info" aria-label={t("grid.isPreAnnotated")} />}
      <span
        className="text-muted-foreground tabular-nums"
        title={t("grid.annotations", { count: card.annotation_count })}
      >
        {card.annotation_count}
      </span>
    </div>
  );
}

function Picture({ card }: { card: TaskCard }) {
  const { t } = useTranslation("tasks");
  const [isBroken, setIsBroken] = useState(false);
  if (!card.thumbnail || isBroken) {
    return (
      <span className="absolute inset-0 grid place-content-center justify-items-center gap-1 text-xs text-muted-foreground">
        <ImageOff className="size-5" aria-hidden />
        {t("grid.noPicture")}
      </span>
    );
  }
  return (
    <img
      src={card.thumbnail}
      alt=""
      loading="lazy"
      decoding="async"
      onError={() => setIsBroken(true)}
      className="absolute inset-0 size-full object-contain"
    />
  );
}
