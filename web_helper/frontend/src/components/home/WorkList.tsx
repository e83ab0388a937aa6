import { Link } from "@tanstack/react-router";
import { Boxes, CircleAlert, FlaskConical, Hammer, LoaderCircle, PackageOpen } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { WorkItem } from "@/api/home";
import { pathOf } from "@/components/home/paths";
import { Badge, type Tone } from "@/components/ui/badge";
import { Progress } from "@/components/ui/progress";
import { When } from "@/components/When";
import { formatNumber } from "@/lib/format";

const ICONS = { export: PackageOpen, snapshot: Boxes, job: Hammer, experiment: FlaskConical };
const TONES: Record<string, Tone> = { running: "info", failed: "danger", crashed: "danger", paused: "warning" };

export function WorkList({ items, label }: { items: WorkItem[]; label: string }) {
  return (
    <ul aria-label={label} className="divide-y">
      {items.map((item) => (
        <WorkRow key={`${item.kind}-${item.id}`} item={item} />
      ))}
    </ul>
  );
}

function WorkRow({ item }: { item: WorkItem }) {
  const { t, i18n } = useTranslation("home");
  const Icon = ICONS[item.kind];
  const isFailed = item.status === "failed" || item.status === "crashed";
  const StatusIcon = isFailed ? CircleAlert : LoaderCircle;
  const hasCount = !isFailed && item.total != null && item.total > 0;
  return (
    <li className="grid grid-cols-1 gap-1.5 py-2.5 first:pt-0 last:pb-0">
      <div className="flex items-center gap-2">
        <Icon className="size-4 shrink-0 text-muted-foreground" aria-hidden />
        <Link to={pathOf(item)} className="min-w-0 truncate font-medium underline-offset-4 hover:underline">
          {item.title}
        </Link>
        <span className="shrink-0 text-xs text-muted-foreground">{t(`kind.${item.kind}`)}</span>
        <Badge tone={TONES[item.status] ?? "neutral"} className="ml-auto">
          <StatusIcon aria-hidden />
          {t(`status.${item.status}`, { defaultValue: item.status })}
        </Badge>
        <span className="w-24 shrink-0 text-right text-xs text-muted-foreground">
          <When iso={item.finished ?? item.created} />
        </span>
      </div>
      {hasCount && (
        <div className="flex items-center gap-3 pl-6">
          <Progress
            label={t("running.progress", { name: item.title })}
            value={(item.processed ?? 0) / (item.total ?? 1)}
            className="flex-1"
          />
          <span className="shrink-0 text-xs text-muted-foreground tabular-nums">
            {t("running.counted", {
              processed: formatNumber(item.processed ?? 0, i18n.language),
              total: formatNumber(item.total ?? 0, i18n.language),
            })}
          </span>
        </div>
      )}
      {isFailed && item.error && <p className="line-clamp-2 pl-6 break-words text-muted-foreground">{item.error}</p>}
    </li>
  );
}
