import { useIsMutating, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type App, appQueries } from "@/api/apps";
import { AppActions } from "@/components/apps/AppActions";
import { AppStatusBadge } from "@/components/apps/AppStatusBadge";
import { FollowedLog } from "@/components/apps/FollowedLog";
import { QueryFailure } from "@/components/QueryFailure";
import { Page } from "@/components/ui/page";
import { Empty, Failure, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/apps/$id");
// The server gives the app the same: an origin of its own, so that it cannot act for who looks at it.
const ALLOWED = "allow-scripts allow-forms allow-downloads allow-popups allow-modals";

/** One app, embedded, with what it prints beside it. */
export function AppView() {
  const { t: common } = useTranslation();
  const { id } = route.useParams();
  // Asked for while it is removed, it would be one that is not there.
  const isLeaving = useIsMutating({ mutationKey: appQueries.removal(id) }) > 0;
  const app = useQuery({ ...appQueries.one(id), enabled: !isLeaving });
  if (app.data !== undefined) return <AppPage app={app.data} />;
  return (
    <Page title={id}>
      {app.isError ? (
        <QueryFailure error={app.error} onRetry={() => app.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
    </Page>
  );
}

function AppPage({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const [code, version] = app.plugin_release.split("@");
  return (
    <Page
      title={
        <span className="flex flex-wrap items-center gap-3">
          {app.plugin_release} <AppStatusBadge status={app.status} />
        </span>
      }
      description={
        <span className="flex flex-wrap gap-x-4">
          <Link
            to="/plugins/$code"
            params={{ code: code ?? "" }}
            search={{ version }}
            className="text-primary hover:underline"
          >
            {t("one.plugin")}
          </Link>
          <span>{t("one.onAgent", { name: app.agent_name })}</span>
          {app.model !== null && <span>{t("list.model", { id: app.model })}</span>}
        </span>
      }
      actions={<AppActions app={app} />}
    >
      {app.error && <Failure title={t("one.failed")} message={app.error} />}
      <AppContent app={app} />
    </Page>
  );
}

function AppContent({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const id = encodeURIComponent(app.id);
  const isUp = app.status === "running" || app.status === "paused";
  const isBuild = !isUp && app.build_id && (app.status === "building" || app.status === "failed");
  if (isBuild)
    return (
      <FollowedLog
        key={app.build_id}
        label={t("build.log")}
        path={`/v2/playground-builds/${encodeURIComponent(app.build_id ?? "")}/logs/stream/`}
      />
    );
  return (
    <div className="grid grid-cols-1 gap-5 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      {isUp ? (
        <iframe
          src={`/playground/${id}/`}
          title={t("one.frame", { name: app.plugin_release })}
          sandbox={ALLOWED}
          className="h-[70vh] w-full rounded-lg border bg-white"
        />
      ) : (
        <Empty title={t(`one.${app.status}`)}>{t(`one.${app.status}Hint`)}</Empty>
      )}
      <section className="grid content-start gap-2">
        <h2 className="font-semibold">{t("one.log")}</h2>
        <FollowedLog
          key={app.status}
          label={t("one.log")}
          path={`/v2/playground-containers/${id}/logs/stream/`}
          className="h-[60vh]"
        />
      </section>
    </div>
  );
}
