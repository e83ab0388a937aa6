import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { History } from "lucide-react";
import { useTranslation } from "react-i18next";
import { jobQueries } from "@/api/jobs";
import { actionsOf, type Plugin, type PluginRelease, pluginQueries } from "@/api/plugins";
import { ReleaseActions } from "@/components/plugins/ReleaseActions";
import { ReleaseTable } from "@/components/plugins/ReleaseTable";
import { RunDialog } from "@/components/plugins/RunDialog";
import { QueryFailure } from "@/components/QueryFailure";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Failure, Loading } from "@/components/ui/states";
import type { JsonMap } from "@/lib/jsonSchema";

const route = getRouteApi("/shell/plugins/$code");

/** One plugin: its releases, and what the chosen one can do. */
export function PluginView() {
  const { t: common } = useTranslation();
  const { code } = route.useParams();
  const plugin = useQuery(pluginQueries.one(code));
  const releases = useQuery(pluginQueries.releases(plugin.data?.id));
  const failed = [plugin, releases].find((query) => query.isError);
  if (plugin.data !== undefined && releases.data !== undefined)
    return <PluginPage plugin={plugin.data} releases={releases.data} />;
  return (
    <Page title={code}>
      {failed?.error ? (
        <QueryFailure error={failed.error} onRetry={() => failed.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
    </Page>
  );
}

function PluginPage({ plugin, releases }: { plugin: Plugin; releases: PluginRelease[] }) {
  const { t } = useTranslation("plugins");
  const { version } = route.useSearch();
  const release = version === undefined ? releases[0] : releases.find((each) => each.version === version);
  return (
    <Page
      title={
        <span className="flex flex-wrap items-center gap-3">
          {plugin.name} <Badge>{plugin.category}</Badge>
        </span>
      }
      description={plugin.description || plugin.code}
      actions={
        <Button asChild>
          <Link to="/jobs" search={{ plugin: plugin.code }}>
            <History aria-hidden /> {t("one.runs")}
          </Link>
        </Button>
      }
    >
      {releases.length === 0 && <NoReleases />}
      {releases.length > 0 && release === undefined && (
        <Failure title={t("one.noVersion")} message={t("one.noVersionHint", { version })} />
      )}
      {release !== undefined && <ChosenRelease key={release.id} release={release} />}
      {releases.length > 0 && (
        <section className="grid gap-2">
          <h2 className="font-semibold">{t("releases.label")}</h2>
          <ReleaseTable releases={releases} chosenId={release?.id ?? 0} />
        </section>
      )}
    </Page>
  );
}

function NoReleases() {
  const { t } = useTranslation("plugins");
  const { t: common } = useTranslation();
  return (
    <Empty title={t("releases.none")}>
      <Copyable text="synapse plugin publish" label={common("copy")} doneLabel={common("copied")} />
    </Empty>
  );
}

function ChosenRelease({ release }: { release: PluginRelease }) {
  const { t } = useTranslation("plugins");
  const { run, from } = route.useSearch();
  const navigate = route.useNavigate();
  const earlier = useQuery({ ...jobQueries.one(from ?? ""), enabled: from !== undefined, refetchInterval: false });
  const section = actionsOf(release).find(([name]) => name === run)?.[1];
  const setRun = (action: string | undefined) =>
    navigate({ search: (before) => ({ ...before, run: action, from: undefined }), replace: true });
  // The form begins with the earlier run's values, so it waits for them; where they are gone, with the defaults.
  const isReady = from === undefined || !earlier.isPending;
  return (
    <>
      <section className="grid gap-2">
        <h2 className="font-semibold">{t("actions.of", { version: release.version })}</h2>
        <ReleaseActions release={release} onRun={setRun} />
      </section>
      <details className="rounded-lg border bg-card">
        <summary className="cursor-pointer px-4 py-2 font-medium">{t("one.config")}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard. */}
        <pre className="max-h-96 overflow-auto border-t p-4 font-mono text-[13px]" tabIndex={0}>
          {JSON.stringify(release.config, null, 2)}
        </pre>
      </details>
      {run !== undefined && section !== undefined && isReady && (
        <RunDialog
          release={release}
          action={run}
          section={section}
          params={earlier.data?.params as JsonMap | undefined}
          onClose={() => setRun(undefined)}
        />
      )}
    </>
  );
}
