import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, ChevronsUp, Minus } from "lucide-react";
import { startTransition, useOptimistic } from "react";
import { useTranslation } from "react-i18next";
import type { Experiment, Priority } from "@/api/experiments";
import { Choices } from "@/components/experiments/Choices";
import { StatusBadge } from "@/components/experiments/StatusBadge";
import { Checkbox } from "@/components/ui/input";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";
import { formatDuration } from "@/lib/format";

const COLUMNS = ["compare", "name", "project", "status", "priority", "device", "submitted", "took", "by"] as const;
const PRIORITY_ICONS = { low: ArrowDown, normal: Minus, high: ArrowUp, urgent: ChevronsUp };

export function ExperimentTable({ experiments }: { experiments: readonly Experiment[] }) {
  const { t } = useTranslation("experiments");
  return (
    <Table label={t("title")}>
      <thead>
        <tr>
          {COLUMNS.map((column) => (
            <Th key={column}>
              {column === "compare" ? <span className="sr-only">{t("column.compare")}</span> : t(`column.${column}`)}
            </Th>
          ))}
        </tr>
      </thead>
      <tbody>
        {experiments.map((each) => (
          <Row key={each.uid} experiment={each} />
        ))}
      </tbody>
    </Table>
  );
}

function Row({ experiment }: { experiment: Experiment }) {
  const { t } = useTranslation("experiments");
  const device = experiment.device ?? (experiment.wanted_device && t("wants", { device: experiment.wanted_device }));
  return (
    <Tr>
      <Td className="w-8">
        <Pick experiment={experiment} />
      </Td>
      <Td className="max-w-80">
        <Link
          to="/experiments/$uid"
          params={{ uid: experiment.uid }}
          className="font-medium break-words text-primary underline-offset-4 hover:underline"
        >
          {experiment.name}
        </Link>
        {experiment.grid_size > 1 && (
          <span className="block text-xs text-muted-foreground">
            {t("run", { at: experiment.grid + 1, count: experiment.grid_size })}
          </span>
        )}
        <Choices choices={experiment.choices} />
      </Td>
      <Td className="max-w-48 break-words">{experiment.project}</Td>
      <Td>
        <StatusBadge status={experiment.status} />
      </Td>
      <Td>
        <PriorityWord priority={experiment.priority} />
      </Td>
      <Td className="max-w-48 break-words">{device ?? "–"}</Td>
      <Td>
        <When iso={experiment.created_at} />
      </Td>
      <Td className="whitespace-nowrap">{tookOf(experiment)}</Td>
      <Td className="max-w-48 truncate" title={experiment.user ?? ""}>
        {experiment.user ?? "–"}
      </Td>
    </Tr>
  );
}

function Pick({ experiment }: { experiment: Experiment }) {
  const { t } = useTranslation("experiments");
  const { pick = [] } = useSearch({ from: "/shell/experiments" });
  const navigate = useNavigate({ from: "/experiments" });
  // The address follows a moment later: till then the box shows what was chosen.
  const [isPicked, show] = useOptimistic(pick.includes(experiment.uid));
  const change = (isWanted: boolean) =>
    startTransition(async () => {
      show(isWanted);
      const search = ({ pick, ...rest }: { pick?: string[] | undefined }) => ({
        ...rest,
        pick: picked(pick ?? [], experiment.uid, isWanted),
      });
      await navigate({ search, replace: true });
    });
  return (
    <Checkbox
      aria-label={t("pick", { name: experiment.name })}
      checked={isPicked}
      onChange={(event) => change(event.target.checked)}
    />
  );
}

/** A third one takes the place of the first. */
function picked(before: string[], uid: string, isWanted: boolean): string[] | undefined {
  const others = before.filter((each) => each !== uid);
  const next = isWanted ? [...others.slice(-1), uid] : others;
  return next.length > 0 ? next : undefined;
}

export function PriorityWord({ priority }: { priority: Priority }) {
  const { t } = useTranslation("experiments");
  const Icon = PRIORITY_ICONS[priority];
  return (
    <span className="inline-flex items-center gap-1 whitespace-nowrap">
      <Icon className="size-3.5 text-muted-foreground" aria-hidden /> {t(`priority.${priority}`)}
    </span>
  );
}

function tookOf({ started_at, finished_at }: Experiment): string {
  if (started_at === null) return "–";
  const end = finished_at === null ? Date.now() : Date.parse(finished_at);
  return formatDuration((end - Date.parse(started_at)) / 1000);
}
