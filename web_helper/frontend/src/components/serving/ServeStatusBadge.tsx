import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleX,
  LoaderCircle,
  type LucideIcon,
  Trash2,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ServeStatus } from "@/api/serving";
import { Badge, type Tone } from "@/components/ui/badge";

const LOOKS: Record<ServeStatus, [Tone, LucideIcon]> = {
  NOT_STARTED: ["neutral", CircleDashed],
  DEPLOYING: ["info", LoaderCircle],
  DEPLOY_FAILED: ["danger", CircleX],
  RUNNING: ["success", CircleCheck],
  UNHEALTHY: ["warning", CircleAlert],
  DELETING: ["neutral", Trash2],
  UNAVAILABLE: ["danger", Ban],
};

/** One of the seven states of a served model. */
export function ServeStatusBadge({ status }: { status: ServeStatus }) {
  const { t } = useTranslation("serving");
  const [tone, Icon] = LOOKS[status];
  return (
    <Badge tone={tone} title={t(`meaning.${status}`)}>
      <Icon aria-hidden className={status === "DEPLOYING" ? "animate-spin" : undefined} />
      {t(`status.${status}`)}
    </Badge>
  );
}
