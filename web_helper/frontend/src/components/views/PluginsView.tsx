import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Upload } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Plugin, pluginQueries } from "@/api/plugins";
import { PublishDialog } from "@/components/plugins/PublishDialog";
import { QueryFailure } from "@/components/QueryFailure";
import { SearchBox } from "@/components/SearchBox";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

const route = getRouteApi("/shell/plugins");

/** Everything that a team has published. */
export function PluginsView() {
  const { t } = useTranslation("plugins");
  const { t: common } = useTranslation();
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  const plugins = useInfiniteQuery(pluginQueries.list({ search }));
  const [isPublishing, setIsPublishing] = useState(false);
  return (
    <Page
      title={common("nav.plugins")}
      description={t("list.description")}
      actions={
        <Button variant="primary" onClick={() => setIsPublishing(true)}>
          <Upload aria-hidden /> {t("publish.button")}
        </Button>
      }
    >
      <SearchBox
        label={t("list.search")}
        value={search}
        onChange={(next) => navigate({ search: { search: next }, replace: true })}
      />
      {plugins.isPending && <Loading label={common("loading")} />}
      {plugins.isError && <QueryFailure error={plugins.error} onRetry={() => plugins.refetch()} />}
      {plugins.data?.length === 0 && <NoPlugins search={search} />}
      {plugins.data !== undefined && plugins.data.length > 0 && <PluginTable plugins={plugins.data} />}
      {plugins.hasNextPage && (
        <Button onClick={() => plugins.fetchNextPage()} className="justify-self-center">
          {common("more")}
        </Button>
      )}
      {isPublishing && <PublishDialog onClose={() => setIsPublishing(false)} />}
    </Page>
  );
}

function NoPlugins({ search }: { search: string | undefined }) {
  const { t } = useTranslation("plugins");
  const { t: common } = useTranslation();
  if (search !== undefined) return <Empty title={t("list.notFound", { search })} />;
  return (
    <Empty title={t("list.none")}>
      <p className="mb-3">{t("list.noneHint")}</p>
      <Copyable
        text={"synapse plugin create --name 'My plugin'\nsynapse plugin publish --path my-plugin"}
        label={common("copy")}
        doneLabel={common("copied")}
      />
    </Empty>
  );
}

function PluginTable({ plugins }: { plugins: Plugin[] }) {
  const { t } = useTranslation("plugins");
  const { t: common } = useTranslation();
  return (
    <Table label={common("nav.plugins")}>
      <thead>
        <tr>
          <Th>{t("list.name")}</Th>
          <Th>{t("list.code")}</Th>
          <Th>{t("list.category")}</Th>
          <Th>{t("list.created")}</Th>
        </tr>
      </thead>
      <tbody>
        {plugins.map((plugin) => (
          <Tr key={plugin.id}>
            <Td>
              <Link
                to="/plugins/$code"
                params={{ code: plugin.code }}
                className="font-medium text-primary hover:underline"
              >
                {plugin.name}
              </Link>
              {plugin.description && <p className="max-w-xl text-xs text-muted-foreground">{plugin.description}</p>}
            </Td>
            <Td className="font-mono text-[13px]">{plugin.code}</Td>
            <Td>
              <Badge>{plugin.category}</Badge>
            </Td>
            <Td>
              <When iso={plugin.created} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
