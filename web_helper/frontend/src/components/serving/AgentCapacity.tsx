import { useTranslation } from "react-i18next";
import { type Agent, isConnected } from "@/api/agents";
import { type ServeApplication, type Share, sharesOf } from "@/api/serving";
import { Badge } from "@/components/ui/badge";
import { Card, CardTitle } from "@/components/ui/card";
import { Progress } from "@/components/ui/progress";
import { When } from "@/components/When";
import { formatBytes, formatNumber } from "@/lib/format";

/** What an agent has, and how much of it the served models hold, as bars and in words. */
export function AgentCapacity({ agent, applications }: { agent: Agent; applications: ServeApplication[] }) {
  const { t } = useTranslation("serving");
  // No bar for the GPUs of a machine without one.
  const shares = sharesOf(agent, applications).filter(({ total }) => total !== undefined && total > 0);
  return (
    <Card>
      <CardTitle className="flex items-center justify-between gap-2">
        <span className="truncate">{agent.name}</span>
        <Badge tone={isConnected(agent) ? "success" : "warning"}>
          {t(isConnected(agent) ? "agent.connected" : "agent.away")}
        </Badge>
      </CardTitle>
      {shares.length === 0 && <p className="text-muted-foreground">{t("agent.unknown")}</p>}
      <ul className="grid gap-3">
        {shares.map((share) => (
          <ShareBar key={share.resource} share={share} agent={agent.name} />
        ))}
      </ul>
      {!isConnected(agent) && (
        <p className="mt-3 text-xs text-muted-foreground">
          {t("agent.seen")} <When iso={agent.last_seen_at} />
        </p>
      )}
    </Card>
  );
}

function ShareBar({ share, agent }: { share: Share; agent: string }) {
  const { t, i18n } = useTranslation("serving");
  const { resource, held, total = 0 } = share;
  const shown = (value: number) =>
    resource === "memory" ? formatBytes(value, i18n.language) : formatNumber(value, i18n.language);
  return (
    <li className="grid gap-1">
      <p className="flex justify-between gap-2 text-xs">
        <span className="font-medium">{t(`resource.${resource}`)}</span>
        <span className="text-muted-foreground">{t("agent.held", { held: shown(held), total: shown(total) })}</span>
      </p>
      <Progress label={`${agent}: ${t(`resource.${resource}`)}`} value={held / total} />
    </li>
  );
}
