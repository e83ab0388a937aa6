import { CircleCheck, CircleDashed, CircleStop, CircleX, LoaderCircle, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { JobStatus } from "@/api/jobs";
import { Badge, type Tone } from "@/components/ui/badge";

const LOOKS: Record<JobStatus, [Tone, LucideIcon]> = {
  PENDING: ["neutral", CircleDashed],
  RUNNING: ["info", LoaderCircle],
  SUCCEEDED: ["success", CircleCheck],
  FAILED: ["danger", CircleX],
  STOPPED: ["warning", CircleStop],
};

export function JobStatusBadge({ status, isStopping = false }: { status: string; isStopping?: boolean }) {
  const { t } = useTranslation("jobs");
  const [tone, Icon] = LOOKS[status as JobStatus] ?? LOOKS.PENDING;
  return (
    <Badge tone={tone}>
      <Icon aria-hidden className={status === "RUNNING" ? "animate-spin" : undefined} />
      {isStopping ? t("stopping") : t(`status.${status}`)}
    </Badge>
  );
}
