import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import type { ClassDefinition } from "@/api/projects";
import { REVIEWS, type TaskFilters, taskQueries, WORK_STATUSES } from "@/api/tasks";
import { SearchBox } from "@/components/SearchBox";
import { CONTROL } from "@/components/ui/input";
import { cn } from "@/lib/cn";

interface FilterBarProps {
  projectId: number;
  filters: TaskFilters;
  classes: ClassDefinition[];
  onChange: (change: Partial<TaskFilters>) => void;
}

/** Everything the grid can be narrowed to. */
export function FilterBar({ projectId, filters, classes, onChange }: FilterBarProps) {
  const { t } = useTranslation("tasks");
  const tags = useQuery(taskQueries.tags(projectId));
  const search = filters.search;
  return (
    <div className="flex flex-wrap items-end gap-3">
      <div className="w-56">
        <SearchBox label={t("grid.search")} value={search} onChange={(words) => onChange({ search: words })} />
      </div>
      <Choice
        label={t("grid.status")}
        value={filters.status}
        options={WORK_STATUSES.map((status) => [status, t(`status.${status}`)])}
        onChange={(status) => onChange({ status })}
      />
      <Choice
        label={t("grid.category")}
        value={filters.category}
        options={namesOf(classes, filters.category).map((name) => [name, name])}
        onChange={(category) => onChange({ category })}
      />
      <Choice
        label={t("grid.tag")}
        value={filters.tag}
        options={(tags.data ?? []).map((tag) => [tag.name, tag.name])}
        onChange={(tag) => onChange({ tag })}
      />
      <Choice
        label={t("grid.review")}
        value={filters.review}
        options={REVIEWS.map((review) => [review, t(`review.${review}`)])}
        onChange={(review) => onChange({ review })}
      />
      <YesNo label={t("grid.discarded")} value={filters.discarded} onChange={(discarded) => onChange({ discarded })} />
      <YesNo
        label={t("grid.preAnnotated")}
        value={filters.preAnnotated}
        onChange={(preAnnotated) => onChange({ preAnnotated })}
      />
      <Labelled label={t("grid.sort")}>
        {(id) => (
          <select
            id={id}
            value={filters.sort ?? "id"}
            onChange={(event) => onChange({ sort: event.target.value === "-id" ? "-id" : undefined })}
            className={cn(CONTROL, "h-9 w-auto")}
          >
            <option value="id">{t("grid.oldest")}</option>
            <option value="-id">{t("grid.newest")}</option>
          </select>
        )}
      </Labelled>
    </div>
  );
}

function namesOf(classes: ClassDefinition[], chosen: string | undefined): string[] {
  const names = classes.map((each) => each.name);
  return chosen !== undefined && !names.includes(chosen) ? [...names, chosen] : names;
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T | undefined;
  options: [T, string][];
  onChange: (value: T | undefined) => void;
}

function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  const { t } = useTranslation("tasks");
  return (
    <Labelled label={label}>
      {(id) => (
        <select
          id={id}
          value={value ?? ""}
          onChange={(event) => onChange(options.find(([option]) => option === event.target.value)?.[0])}
          className={cn(CONTROL, "h-9 w-auto max-w-40")}
        >
          <option value="">{t("grid.any")}</option>
          {options.map(([option, words]) => (
            <option key={option} value={option}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}

interface YesNoProps {
  label: string;
  value: boolean | undefined;
  onChange: (value: boolean | undefined) => void;
}

function YesNo({ label, value, onChange }: YesNoProps) {
  const { t } = useTranslation("tasks");
  return (
    <Choice
      label={label}
      value={value === undefined ? undefined : value ? "yes" : "no"}
      options={[
        ["yes", t("grid.yes")],
        ["no", t("grid.no")],
      ]}
      onChange={(chosen) => onChange(chosen === undefined ? undefined : chosen === "yes")}
    />
  );
}

function Labelled({ label, children }: { label: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-xs text-muted-foreground">
        {label}
      </label>
      {children(id)}
    </div>
  );
}
