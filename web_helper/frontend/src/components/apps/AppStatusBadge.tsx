import {
  CircleCheck,
  CircleOff,
  CirclePause,
  CircleStop,
  CircleX,
  Hammer,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { AppStatus } from "@/api/apps";
import { Badge, type Tone } from "@/components/ui/badge";

const LOOKS: Record<AppStatus, [Tone, LucideIcon]> = {
  building: ["info", Hammer],
  starting: ["info", LoaderCircle],
  running: ["success", CircleCheck],
  paused: ["neutral", CirclePause],
  stopped: ["neutral", CircleStop],
  failed: ["danger", CircleX],
  gone: ["warning", CircleOff],
};

export function AppStatusBadge({ status }: { status: AppStatus }) {
  const { t } = useTranslation("apps");
  const [tone, Icon] = LOOKS[status];
  return (
    <Badge tone={tone}>
      <Icon aria-hidden className={status === "starting" ? "animate-spin" : undefined} />
      {t(`status.${status}`)}
    </Badge>
  );
}
