import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Home, StorageUse } from "@/api/home";
import { Badge } from "@/components/ui/badge";
import { Card, CardTitle } from "@/components/ui/card";
import { Progress } from "@/components/ui/progress";
import { formatBytes, formatNumber } from "@/lib/format";

const ALMOST_FULL = 0.9;
const COUNTED: (readonly ["projects" | "tasks" | "experiments" | "plugins", string])[] = [
  ["projects", "/projects"],
  ["tasks", "/projects"],
  ["experiments", "/experiments"],
  ["plugins", "/plugins"],
];

/** How much there is. */
export function Counts({ home }: { home: Home }) {
  const { t, i18n } = useTranslation("home");
  return (
    <section aria-label={t("kept.title")} className="grid grid-cols-2 gap-3 sm:grid-cols-4">
      {COUNTED.map(([name, to]) => {
        const count = formatNumber(home[name].value, i18n.language);
        return (
          <Link key={name} to={to} className="rounded-lg border bg-card px-4 py-3 hover:bg-muted/40">
            <span className="block text-xs text-muted-foreground">{t(`kept.${name}`)}</span>
            <span className="text-xl font-semibold tabular-nums">
              {home[name].is_more ? t("kept.more", { count }) : count}
            </span>
          </Link>
        );
      })}
    </section>
  );
}

export function Storages({ storages }: { storages: StorageUse[] }) {
  const { t } = useTranslation("home");
  return (
    <Card aria-labelledby="home-storage">
      <CardTitle id="home-storage">{t("storage.title")}</CardTitle>
      <ul className="grid gap-4">
        {storages.map((storage) => (
          <StorageRow key={storage.storage_id} storage={storage} />
        ))}
      </ul>
    </Card>
  );
}

function StorageRow({ storage }: { storage: StorageUse }) {
  const { t, i18n } = useTranslation("home");
  const { free_bytes: free, total_bytes: total } = storage;
  const taken = free != null && total ? 1 - free / total : null;
  return (
    <li className="grid gap-1.5">
      <div className="flex items-center gap-2">
        <span className="min-w-0 truncate font-medium">{storage.name}</span>
        {taken !== null && taken > ALMOST_FULL && (
          <Badge tone="warning">
            <TriangleAlert aria-hidden />
            {t("storage.almostFull")}
          </Badge>
        )}
        <span className="ml-auto shrink-0 text-muted-foreground tabular-nums">
          {t("storage.used", { size: formatBytes(storage.used_bytes, i18n.language) })}
        </span>
      </div>
      {taken !== null && (
        <>
          <Progress label={t("storage.full", { name: storage.name })} value={taken} />
          <p className="text-xs text-muted-foreground">
            {t("storage.disk", {
              free: formatBytes(free ?? 0, i18n.language),
              total: formatBytes(total ?? 0, i18n.language),
            })}
          </p>
        </>
      )}
    </li>
  );
}
