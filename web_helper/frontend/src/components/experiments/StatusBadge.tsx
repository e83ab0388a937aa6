import {
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleSlash,
  CircleX,
  Clock,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
  Package,
  ZapOff,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { type ExperimentStatus, STATUSES } from "@/api/experiments";
import { Badge, type Tone } from "@/components/ui/badge";

const LOOKS: Record<ExperimentStatus, [Tone, LucideIcon]> = {
  pending: ["neutral", CircleDashed],
  queued: ["neutral", Clock],
  assigned: ["info", Package],
  running: ["info", LoaderCircle],
  paused: ["warning", CirclePause],
  completed: ["success", CircleCheck],
  failed: ["danger", CircleX],
  cancelled: ["neutral", CircleSlash],
  expired: ["warning", Hourglass],
  crashed: ["danger", ZapOff],
};

export function isStatus(value: unknown): value is ExperimentStatus {
  return STATUSES.some((each) => each === value);
}

export function StatusBadge({ status }: { status: ExperimentStatus }) {
  const { t } = useTranslation("experiments");
  const [tone, Icon] = LOOKS[status];
  return (
    <Badge tone={tone}>
      <Icon aria-hidden /> {t(`status.${status}`)}
    </Badge>
  );
}
