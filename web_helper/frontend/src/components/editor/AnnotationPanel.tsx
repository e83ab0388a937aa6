import { Bot, Trash2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { ClassDefinition } from "@/api/projects";
import type { TaskAnnotations } from "@/api/tasks";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { type Annotation, type Box, corrected, type Drawn, typeOf, withBox } from "@/lib/annotations";
import { colorOf } from "@/lib/classColor";
import { cn } from "@/lib/cn";

interface AnnotationPanelProps {
  drawn: Drawn[];
  selected: string | null;
  classes: ClassDefinition[];
  categories: string[];
  origin: TaskAnnotations["origin"];
  isReadOnly: boolean;
  onSelect: (key: string | null) => void;
  onChange: (key: string, annotation: Annotation) => void;
  onDelete: (key: string) => void;
  onAddBox: () => void;
}

/** Every annotation in a list, which the keyboard reaches, and the facts of the selected one. */
export function AnnotationPanel(props: AnnotationPanelProps) {
  const { t } = useTranslation("tasks");
  const { drawn, selected, classes, isReadOnly } = props;
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector(`[data-key="${CSS.escape(selected ?? "")}"]`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const chosen = drawn.find((each) => each.key === selected);
  return (
    <aside
      aria-label={t("editor.annotations")}
      className="flex min-h-0 w-72 shrink-0 flex-col border-l bg-card max-md:max-h-2/5 max-md:w-auto max-md:border-t max-md:border-l-0"
    >
      <Origin origin={props.origin} />
      <div className="flex items-center justify-between px-3 pt-3 pb-1">
        <h2 className="text-sm font-semibold">
          {t("editor.annotations")} <span className="text-muted-foreground tabular-nums">{drawn.length}</span>
        </h2>
        <Button size="small" variant="ghost" onClick={props.onAddBox} disabled={isReadOnly}>
          {t("editor.addBox")}
        </Button>
      </div>
      {drawn.length === 0 && <p className="px-3 py-2 text-muted-foreground">{t("editor.none")}</p>}
      <ul ref={list} className="min-h-0 flex-1 overflow-auto px-2 pb-2">
        {drawn.map(({ key, annotation }) => (
          <li key={key} data-key={key}>
            <button
              type="button"
              aria-pressed={key === selected}
              onClick={() => props.onSelect(key === selected ? null : key)}
              className={cn(
                "flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-left hover:bg-muted",
                key === selected && "bg-muted",
              )}
            >
              <svg className="size-3 shrink-0" viewBox="0 0 10 10" aria-hidden="true">
                <circle cx="5" cy="5" r="5" fill={colorOf(annotation.category, classes)} />
              </svg>
              <span className="min-w-0 flex-1 truncate">{annotation.category}</span>
              {typeof annotation.score === "number" && (
                <span className="inline-flex items-center gap-1 text-xs text-info" title={t("editor.byModel")}>
                  <Bot className="size-3.5" aria-label={t("editor.byModel")} />
                  {t("editor.score", { score: annotation.score.toFixed(2) })}
                </span>
              )}
              <span className="text-xs text-muted-foreground">{t(`editor.shape.${typeOf(annotation)}`)}</span>
            </button>
          </li>
        ))}
      </ul>
      {chosen && <Facts key={chosen.key} {...props} chosen={chosen} />}
    </aside>
  );
}

function Facts({ chosen, categories, isReadOnly, onChange, onDelete }: AnnotationPanelProps & { chosen: Drawn }) {
  const { t } = useTranslation("tasks");
  const { key, annotation } = chosen;
  const { bbox } = annotation;
  const names = categories.includes(annotation.category) ? categories : [annotation.category, ...categories];
  return (
    <fieldset disabled={isReadOnly} className="grid gap-3 border-t p-3">
      <legend className="sr-only">{annotation.category}</legend>
      <Field label={t("editor.categoryOf")}>
        <Select
          value={annotation.category}
          onChange={(event) => onChange(key, { ...corrected(annotation), category: event.target.value })}
        >
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      </Field>
      {bbox && !annotation.segmentation && (
        <div className="grid grid-cols-2 gap-2">
          {(["x", "y", "width", "height"] as const).map((side, at) => (
            <Field key={side} label={t(`editor.geometry.${side}`)}>
              <Input
                type="number"
                min={at < 2 ? undefined : 1}
                value={bbox[at]}
                onChange={(event) => {
                  const value = event.target.valueAsNumber;
                  if (Number.isNaN(value)) return;
                  onChange(key, withBox(annotation, bbox.map((old, place) => (place === at ? value : old)) as Box));
                }}
              />
            </Field>
          ))}
        </div>
      )}
      <Button size="small" onClick={() => onDelete(key)} className="justify-self-start">
        <Trash2 aria-hidden />
        {t("editor.delete")}
      </Button>
    </fieldset>
  );
}

function Origin({ origin }: { origin: TaskAnnotations["origin"] }) {
  const { t } = useTranslation("tasks");
  if (!origin) return null;
  const facts = [
    origin.version && t("editor.originVersion", { version: origin.version }),
    origin.model && t("editor.originModel", { model: origin.model }),
    typeof origin.score === "number" && t("editor.score", { score: origin.score.toFixed(2) }),
  ].filter(Boolean);
  return (
    <div className="grid gap-1 border-b p-3">
      <p className="flex items-center gap-1.5 font-medium break-words">
        <Bot className="size-4 shrink-0 text-info" aria-hidden />
        {t("editor.origin", { producer: origin.producer })}
      </p>
      <p className="text-xs break-words text-muted-foreground">{facts.join(" · ")}</p>
      <Badge tone={origin.is_untouched ? "info" : "neutral"} className="justify-self-start">
        {origin.is_untouched ? t("editor.untouched") : t("editor.touched")}
      </Badge>
    </div>
  );
}
