import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { appQueries } from "@/api/apps";
import { FollowedLog } from "@/components/apps/FollowedLog";
import { QueryFailure } from "@/components/QueryFailure";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Failure } from "@/components/ui/states";

/** A build as it goes: its output, and the app when it is there. */
export function BuildDialog({ buildId, onClose }: { buildId: string; onClose: () => void }) {
  const { t } = useTranslation("apps");
  const { t: common } = useTranslation();
  const build = useQuery(appQueries.build(buildId));
  const navigate = useNavigate();
  const app = build.data?.result;
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("build.title", { name: build.data?.plugin_release ?? "" })}
      closeLabel={common("close")}
      className="w-[min(60rem,calc(100vw-2rem))]"
    >
      <div className="grid gap-4">
        {build.isError && <QueryFailure error={build.error} onRetry={() => build.refetch()} />}
        {build.data && (
          <div className="flex items-center gap-3" role="status">
            <Badge tone={build.data.status === "failed" ? "danger" : "info"}>{t(`build.${build.data.status}`)}</Badge>
            {app && (
              <Button
                variant="primary"
                size="small"
                onClick={() => navigate({ to: "/apps/$id", params: { id: app.id } })}
              >
                {t("act.open")}
              </Button>
            )}
          </div>
        )}
        {build.data?.error && <Failure title={t("build.why")} message={build.data.error} />}
        <FollowedLog
          label={t("build.log")}
          path={`/v2/playground-builds/${encodeURIComponent(buildId)}/logs/stream/`}
          className="h-[45vh]"
        />
      </div>
    </Dialog>
  );
}
