import { CircleCheck, CircleDashed, CircleMinus, CircleX, LoaderCircle, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Step } from "@/api/exports";
import { Progress } from "@/components/ui/progress";
import { cn } from "@/lib/cn";
import { formatDuration, formatNumber } from "@/lib/format";

type Status = NonNullable<Step["status"]>;

const LOOKS: Record<Status, [LucideIcon, string]> = {
  waiting: [CircleDashed, "text-muted-foreground"],
  running: [LoaderCircle, "text-info"],
  done: [CircleCheck, "text-success"],
  skipped: [CircleMinus, "text-muted-foreground"],
  failed: [CircleX, "text-danger"],
};
const NAMES = [
  "initialize",
  "fetch_results",
  "prepare_export",
  "delegate_enqueue",
  "delegate_stream_progress",
  "bundle_read",
  "convert_data",
  "save_files",
  "finalize",
  "archive",
];
const UNKNOWN: Step[] = NAMES.map((name) => ({ name, status: "waiting", percent: 0 }));

/** The nine steps of an export and the packing: how far each is, how fast, and how long it still takes. */
export function StepList({ steps, isLive }: { steps: Step[] | null | undefined; isLive: boolean }) {
  const { t } = useTranslation("exports");
  return (
    <ol aria-label={t("one.steps")} className="grid gap-1">
      {(steps ?? UNKNOWN).map((step) => (
        <StepRow key={step.name} step={step} isLive={isLive} />
      ))}
    </ol>
  );
}

function StepRow({ step, isLive }: { step: Step; isLive: boolean }) {
  const { t } = useTranslation("exports");
  // Of a job that was ended from outside, a step may have been left as it was.
  const status = step.status === "running" && !isLive ? "failed" : (step.status ?? "waiting");
  const [Icon, colour] = LOOKS[status];
  const name = t(`step.${step.name}`, { defaultValue: step.name });
  const isIdle = status === "waiting" || status === "skipped";
  return (
    <li className="grid grid-cols-[1rem_minmax(0,16rem)_minmax(4rem,1fr)_minmax(0,18rem)] items-center gap-3 py-1">
      <Icon aria-hidden className={cn("size-4", colour, status === "running" && "animate-spin")} />
      <span className={isIdle ? "text-muted-foreground" : undefined}>{name}</span>
      {isIdle ? <span /> : <Progress label={name} value={(step.percent ?? 0) / 100} />}
      <span className="text-right text-xs text-muted-foreground tabular-nums">
        {status === "running" || status === "done" ? <Facts step={step} /> : t(`stepStatus.${status}`)}
      </span>
    </li>
  );
}

function Facts({ step }: { step: Step }) {
  const { t, i18n } = useTranslation("exports");
  const isRunning = step.status === "running";
  const show = (value: number) => formatNumber(value, i18n.language);
  const known = [
    (step.total ?? 0) > 1 && t("counted", { current: show(step.current ?? 0), total: show(step.total ?? 0) }),
    isRunning && step.rate && t("rate", { rate: show(Math.round(step.rate)) }),
    isRunning && step.seconds_remaining && t("left", { time: formatDuration(step.seconds_remaining) }),
  ].filter(Boolean);
  return <>{known.length > 0 ? known.join(" · ") : t(`stepStatus.${step.status ?? "waiting"}`)}</>;
}
