import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { componentQueries } from "@/api/components";
import { isStatus, StatusBadge } from "@/components/experiments/StatusBadge";
import { QueryFailure } from "@/components/QueryFailure";
import { Dialog } from "@/components/ui/dialog";
import { Loading } from "@/components/ui/states";
import { When } from "@/components/When";

/** The experiments that ran with a version. */
export function VersionUses({ path, hash, onClose }: { path: string; hash: string; onClose: () => void }) {
  const { t } = useTranslation(["components", "common"]);
  const uses = useQuery(componentQueries.uses(path, hash));
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("uses.title", { path, hash: hash.slice(0, 8) })}
      closeLabel={t("common:close")}
    >
      {uses.error && <QueryFailure error={uses.error} onRetry={() => uses.refetch()} />}
      {uses.isPending && <Loading label={t("common:loading")} />}
      <ul className="grid gap-1">
        {uses.data?.map((use) => (
          <li key={use.experiment_uid} className="flex flex-wrap items-center gap-2 rounded-md border px-3 py-2">
            {use.name === null ? (
              <span className="min-w-0 flex-1">
                <code className="font-mono text-[13px] break-all">{use.experiment_uid}</code>{" "}
                <span className="text-muted-foreground">{t("uses.unknown")}</span>
              </span>
            ) : (
              <Link
                to="/experiments/$uid"
                params={{ uid: use.experiment_uid }}
                className="min-w-0 flex-1 break-words text-primary underline-offset-4 hover:underline"
              >
                {use.name}
              </Link>
            )}
            {isStatus(use.status) && <StatusBadge status={use.status} />}
            <span className="text-xs text-muted-foreground">
              <When iso={use.recorded_at} />
            </span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
