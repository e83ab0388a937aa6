import { CircleCheck, CircleDashed, CircleStop, CircleX, LoaderCircle, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ExportStatus } from "@/api/exports";
import { Badge, type Tone } from "@/components/ui/badge";

const LOOKS: Record<ExportStatus, [Tone, LucideIcon]> = {
  QUEUED: ["neutral", CircleDashed],
  RUNNING: ["info", LoaderCircle],
  SUCCEEDED: ["success", CircleCheck],
  FAILED: ["danger", CircleX],
  CANCELLED: ["warning", CircleStop],
};

export function ExportStatusBadge({ status }: { status: ExportStatus }) {
  const { t } = useTranslation("exports");
  const [tone, Icon] = LOOKS[status];
  return (
    <Badge tone={tone}>
      <Icon aria-hidden className={status === "RUNNING" ? "animate-spin" : undefined} />
      {t(`status.${status}`)}
    </Badge>
  );
}
