import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { agentQueries } from "@/api/agents";
import { JOB_STATUSES, type JobFilters, type JobStatus } from "@/api/jobs";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useWords } from "@/components/useWords";

interface JobFilterBarProps {
  filters: JobFilters;
  onChange: (change: Partial<JobFilters>) => void;
}

/** Which runs are listed; kept in the address. */
export function JobFilterBar({ filters, onChange }: JobFilterBarProps) {
  const { t } = useTranslation("jobs");
  const agents = useQuery(agentQueries.list());
  return (
    <search className="flex flex-wrap gap-3">
      <Field label={t("list.status")}>
        <Select
          value={filters.status ?? ""}
          onChange={(event) => onChange({ status: (event.target.value || undefined) as JobStatus | undefined })}
        >
          <option value="">{t("list.any")}</option>
          {JOB_STATUSES.map((status) => (
            <option key={status} value={status}>
              {t(`status.${status}`)}
            </option>
          ))}
        </Select>
      </Field>
      <TextFilter label={t("list.plugin")} value={filters.plugin} onChange={(plugin) => onChange({ plugin })} />
      <TextFilter label={t("list.action")} value={filters.action} onChange={(action) => onChange({ action })} />
      <Field label={t("list.agent")}>
        <Select
          value={filters.agent ?? ""}
          onChange={(event) => onChange({ agent: event.target.value ? Number(event.target.value) : undefined })}
        >
          <option value="">{t("list.any")}</option>
          {agents.data?.map((agent) => (
            <option key={agent.id} value={agent.id}>
              {agent.name}
            </option>
          ))}
        </Select>
      </Field>
    </search>
  );
}

interface TextFilterProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** A whole word, taken with Enter or when one goes on. */
function TextFilter({ label, value, onChange }: TextFilterProps) {
  const { words, setWords, send } = useWords(value, onChange);
  return (
    <Field label={label}>
      <Input
        value={words}
        onChange={(event) => setWords(event.target.value)}
        onBlur={() => send(words)}
        onKeyDown={(event) => event.key === "Enter" && send(words)}
        className="w-44"
      />
    </Field>
  );
}
