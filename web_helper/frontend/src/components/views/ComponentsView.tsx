import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { History, RefreshCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type ComponentSummary, componentQueries, scanComponents } from "@/api/components";
import { ActivationSet } from "@/components/components/ActivationSet";
import { ChangeLog } from "@/components/components/ChangeLog";
import { ComponentPanel } from "@/components/components/ComponentPanel";
import { ComponentTree } from "@/components/components/ComponentTree";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/components");

export function ComponentsView() {
  const { t } = useTranslation("components");
  const { show } = route.useSearch();
  const list = useQuery(componentQueries.list());
  const client = useQueryClient();
  const scan = useMutation({
    mutationFn: scanComponents,
    onSuccess: () => client.invalidateQueries({ queryKey: componentQueries.all }),
  });
  const isLog = show === "changes";
  return (
    <Page
      title={isLog ? t("log.title") : t("title")}
      description={isLog ? undefined : t("description")}
      actions={
        <>
          <Button asChild>
            <Link to="/components" search={(before) => ({ ...before, show: isLog ? undefined : "changes" })}>
              <History /> {isLog ? t("back") : t("changes")}
            </Link>
          </Button>
          <Button variant="primary" disabled={scan.isPending} onClick={() => scan.mutate()}>
            <RefreshCw /> {t("scan")}
          </Button>
        </>
      }
    >
      {scan.isError && <QueryFailure error={scan.error} onRetry={() => scan.mutate()} />}
      {scan.data && (
        <output className="rounded-md border bg-card px-3 py-2">
          {t("scanned", { count: scan.data.registered, message: scan.data.message })}
        </output>
      )}
      <ActivationSet components={list.data ?? []} />
      {isLog ? <ChangeLog /> : <Contents list={list} />}
    </Page>
  );
}

interface ContentsProps {
  list: { data?: ComponentSummary[] | undefined; error: Error | null; refetch: () => void };
}

function Contents({ list }: ContentsProps) {
  const { t } = useTranslation(["components", "common"]);
  const { path } = route.useSearch();
  if (list.error && !list.data) return <QueryFailure error={list.error} onRetry={() => list.refetch()} />;
  if (!list.data) return <Loading label={t("common:loading")} />;
  if (list.data.length === 0)
    return (
      <Empty title={t("empty.title")}>
        <p className="mb-3">{t("empty.hint")}</p>
        <Copyable
          text={'synapse component push -m "first version"'}
          label={t("common:copy")}
          doneLabel={t("common:copied")}
        />
      </Empty>
    );
  const summary = list.data.find((each) => each.path === path);
  return (
    <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[14rem_minmax(0,1fr)]">
      <ComponentTree components={list.data} />
      {path === undefined ? (
        <p className="rounded-lg border border-dashed p-8 text-center text-muted-foreground">{t("choose")}</p>
      ) : (
        <ComponentPanel key={path} path={path} activeHash={summary?.active_hash ?? null} />
      )}
    </div>
  );
}
