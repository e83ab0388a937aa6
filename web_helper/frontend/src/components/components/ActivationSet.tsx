import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { activateVersions, type ComponentSummary, componentQueries } from "@/api/components";
import { ReasonDialog } from "@/components/components/ReasonDialog";
import { Button } from "@/components/ui/button";
import { Card, CardTitle } from "@/components/ui/card";

/** The versions that were chosen to be activated together; they are in the address, so the set can be sent to somebody. */
export function ActivationSet({ components }: { components: readonly ComponentSummary[] }) {
  const { t } = useTranslation("components");
  const { set = [] } = useSearch({ from: "/shell/components" });
  const navigate = useNavigate({ from: "/components" });
  const client = useQueryClient();
  const [isAsking, setIsAsking] = useState(false);
  if (set.length === 0) return null;
  const keep = (kept: string[]) =>
    navigate({ search: (before) => ({ ...before, set: kept.length ? kept : undefined }) });
  const chosen = set.map((each) => ({ path: each.split("@")[0] ?? "", hash: each.split("@")[1] ?? "" }));
  const activate = async (reason: string) => {
    const activeAt = new Map(components.map((each) => [each.path, each.active_hash]));
    const activations = chosen.map((each) => ({ ...each, expected: activeAt.get(each.path) ?? null }));
    await activateVersions(activations, reason).finally(() =>
      client.invalidateQueries({ queryKey: componentQueries.all }),
    );
    await keep([]);
  };
  return (
    <Card aria-label={t("set.title")}>
      <CardTitle>{t("set.title")}</CardTitle>
      <div className="flex flex-wrap items-center gap-2">
        <ul className="flex min-w-0 flex-1 flex-wrap gap-2">
          {chosen.map(({ path, hash }) => (
            <li key={path} className="flex items-center gap-1 rounded-md border bg-muted/50 pl-2">
              <span className="break-all">{path}</span>
              <code className="font-mono text-xs text-muted-foreground">{hash.slice(0, 8)}</code>
              <Button
                variant="ghost"
                size="icon"
                className="size-7"
                aria-label={t("set.remove", { path })}
                onClick={() => keep(set.filter((each) => each !== `${path}@${hash}`))}
              >
                <X />
              </Button>
            </li>
          ))}
        </ul>
        <Button size="small" onClick={() => keep([])}>
          {t("set.clear")}
        </Button>
        <Button size="small" variant="primary" onClick={() => setIsAsking(true)}>
          {t("set.activate", { count: chosen.length })}
        </Button>
      </div>
      {isAsking && (
        <ReasonDialog
          title={t("set.dialog", { count: chosen.length })}
          text={t("set.text")}
          confirmLabel={t("activate.confirm")}
          onClose={() => setIsAsking(false)}
          onConfirm={activate}
        />
      )}
    </Card>
  );
}
