import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { GitCompare, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { experimentQueries } from "@/api/experiments";
import { ExperimentFilters } from "@/components/experiments/ExperimentFilters";
import { ExperimentTable } from "@/components/experiments/ExperimentTable";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/experiments");

export function ExperimentsView() {
  const { t } = useTranslation("experiments");
  const { pick = [] } = route.useSearch();
  const [a, b] = pick;
  return (
    <Page
      title={t("title")}
      description={t("description")}
      actions={
        <>
          {a !== undefined && b !== undefined ? (
            <Button asChild>
              <Link to="/experiments/compare" search={{ a, b }}>
                <GitCompare /> {t("compareTwo")}
              </Link>
            </Button>
          ) : (
            <Button disabled title={t("pickHint")}>
              <GitCompare /> {t("compareTwo")}
            </Button>
          )}
          <Button asChild variant="primary">
            <Link to="/experiments/new">
              <Plus /> {t("submit")}
            </Link>
          </Button>
        </>
      }
    >
      <ExperimentFilters />
      <Queue />
    </Page>
  );
}

function Queue() {
  const { t } = useTranslation(["experiments", "common"]);
  const { status, project, device } = route.useSearch();
  const list = useInfiniteQuery(experimentQueries.list({ status, project, device }));
  if (list.error && !list.data) return <QueryFailure error={list.error} onRetry={() => list.refetch()} />;
  if (!list.data) return <Loading label={t("common:loading")} />;
  const experiments = list.data.pages.flat();
  const isFiltered = Boolean(status?.length || project || device);
  if (experiments.length === 0 && isFiltered)
    return (
      <Empty
        title={t("empty.filtered")}
        action={
          <Button asChild>
            <Link to="/experiments">{t("empty.clear")}</Link>
          </Button>
        }
      />
    );
  if (experiments.length === 0)
    return (
      <Empty title={t("empty.title")}>
        <p className="mb-3">{t("empty.hint")}</p>
        <Copyable
          text="synapse experiment submit config.yaml"
          label={t("common:copy")}
          doneLabel={t("common:copied")}
        />
      </Empty>
    );
  return (
    <div className="grid gap-3">
      <ExperimentTable experiments={experiments} />
      {list.hasNextPage && (
        <Button className="justify-self-center" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {t("common:more")}
        </Button>
      )}
    </div>
  );
}
