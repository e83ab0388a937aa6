import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { deviceQueries } from "@/api/devices";
import { type ExperimentStatus, isOpen, STATUSES } from "@/api/experiments";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { useWords } from "@/components/useWords";

const GROUPS: Record<string, readonly ExperimentStatus[]> = {
  open: STATUSES.filter(isOpen),
  ended: STATUSES.filter((each) => !isOpen(each)),
};

/** What of the queue is shown; it is in the address. */
export function ExperimentFilters() {
  const { t } = useTranslation("experiments");
  const { status, project, device = "" } = useSearch({ from: "/shell/experiments" });
  const navigate = useNavigate({ from: "/experiments" });
  const devices = useQuery(deviceQueries.list());
  const { words, setWords, send } = useWords(
    project,
    (next) => void navigate({ search: (before) => ({ ...before, project: next }), replace: true }),
  );
  const shown = new Set((devices.data ?? []).map((each) => each.host_id));
  if (device) shown.add(device);
  return (
    <search className="flex flex-wrap items-end gap-3">
      <Field label={t("filter.status")} className="w-52">
        <Select
          value={choiceOf(status)}
          onChange={(event) =>
            navigate({ search: (before) => ({ ...before, status: statusesOf(event.target.value) }) })
          }
        >
          <option value="">{t("filter.any")}</option>
          <option value="open">{t("filter.open")}</option>
          <option value="ended">{t("filter.ended")}</option>
          {STATUSES.map((each) => (
            <option key={each} value={each}>
              {t(`status.${each}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("filter.project")} className="w-52">
        <Input
          type="search"
          value={words}
          onChange={(event) => {
            setWords(event.target.value);
            send(event.target.value);
          }}
        />
      </Field>
      <Field label={t("filter.device")} className="w-52">
        <Select
          value={device}
          onChange={(event) =>
            navigate({ search: (before) => ({ ...before, device: event.target.value || undefined }) })
          }
        >
          <option value="">{t("filter.any")}</option>
          {[...shown].map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
      </Field>
    </search>
  );
}

function statusesOf(choice: string): ExperimentStatus[] | undefined {
  if (choice === "") return undefined;
  return [...(GROUPS[choice] ?? STATUSES.filter((each) => each === choice))];
}

function choiceOf(statuses: readonly ExperimentStatus[] | undefined): string {
  if (!statuses?.length) return "";
  const group = Object.entries(GROUPS).find(([, members]) => members.join() === statuses.join());
  return group?.[0] ?? statuses[0] ?? "";
}
