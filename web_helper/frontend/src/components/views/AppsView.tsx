import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type App, appQueries, type Host } from "@/api/apps";
import { AppActions } from "@/components/apps/AppActions";
import { AppStatusBadge } from "@/components/apps/AppStatusBadge";
import { BuildDialog } from "@/components/apps/BuildDialog";
import { CreateAppDialog } from "@/components/apps/CreateAppDialog";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

const route = getRouteApi("/shell/apps");

/** The playground: models to try in the browser, each in a container of its own. */
export function AppsView() {
  const { t } = useTranslation("apps");
  const { t: common } = useTranslation();
  const { build } = route.useSearch();
  const navigate = route.useNavigate();
  const apps = useQuery(appQueries.list());
  const hosts = useQuery(appQueries.hosts());
  const [isCreating, setIsCreating] = useState(false);
  const isPossible = hosts.data?.some((host) => host.problem === null) ?? false;
  return (
    <Page
      title={common("nav.apps")}
      description={t("description")}
      actions={
        <Button variant="primary" disabled={!isPossible} onClick={() => setIsCreating(true)}>
          <Plus aria-hidden /> {t("create.button")}
        </Button>
      }
    >
      {apps.isPending && <Loading label={common("loading")} />}
      {apps.isError && apps.data === undefined && <QueryFailure error={apps.error} onRetry={() => apps.refetch()} />}
      {apps.data !== undefined && (
        <>
          {apps.data.meta.unreachable.length > 0 && (
            <p role="status" className="text-warning">
              {t("unreachable", { names: apps.data.meta.unreachable.join(", ") })}
            </p>
          )}
          {apps.data.data.length === 0 ? <NoApps isPossible={isPossible} /> : <AppTable apps={apps.data.data} />}
        </>
      )}
      {hosts.data !== undefined && <HostProblems hosts={hosts.data} />}
      {isCreating && <CreateAppDialog hosts={hosts.data ?? []} onClose={() => setIsCreating(false)} />}
      {build !== undefined && <BuildDialog buildId={build} onClose={() => navigate({ search: {} })} />}
    </Page>
  );
}

function NoApps({ isPossible }: { isPossible: boolean }) {
  const { t } = useTranslation("apps");
  return <Empty title={t("none")}>{t(isPossible ? "noneHint" : "impossible")}</Empty>;
}

function HostProblems({ hosts }: { hosts: Host[] }) {
  const { t } = useTranslation("apps");
  const troubled = hosts.filter(({ problem, engine }) => problem !== null || engine?.warning);
  if (hosts.length > 0 && troubled.length === 0) return null;
  return (
    <section className="grid gap-2">
      <h2 className="font-semibold">{t("hosts.title")}</h2>
      {hosts.length === 0 && <p className="text-muted-foreground">{t("hosts.none")}</p>}
      <ul className="grid gap-2">
        {troubled.map(({ agent, name, problem, engine }) => (
          <li key={agent} className="rounded-lg border bg-card p-3">
            <p className="font-medium">{name}</p>
            <p className="break-words text-muted-foreground">{problem ?? engine?.warning}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function AppTable({ apps }: { apps: App[] }) {
  const { t } = useTranslation("apps");
  const { t: common } = useTranslation();
  return (
    <Table label={common("nav.apps")}>
      <thead>
        <tr>
          <Th>{t("list.release")}</Th>
          <Th>{t("list.status")}</Th>
          <Th>{t("list.agent")}</Th>
          <Th>{t("list.changed")}</Th>
          <Th>
            <span className="sr-only">{t("list.actions")}</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {apps.map((app) => (
          <Tr key={app.id}>
            <Td>
              <Link to="/apps/$id" params={{ id: app.id }} className="font-medium text-primary hover:underline">
                {app.plugin_release}
              </Link>
              {app.model !== null && (
                <span className="ml-2 text-xs whitespace-nowrap text-muted-foreground">
                  {t("list.model", { id: app.model })}
                </span>
              )}
            </Td>
            <Td className="max-w-md">
              <AppStatusBadge status={app.status} />
              {app.error && <p className="mt-1 line-clamp-2 text-xs break-words text-danger">{app.error}</p>}
            </Td>
            <Td>{app.agent_name}</Td>
            <Td>
              <When iso={app.updated_at} />
            </Td>
            <Td>
              <AppActions app={app} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
