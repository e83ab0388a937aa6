import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Home, homeQueries } from "@/api/home";
import { FirstSteps } from "@/components/home/FirstSteps";
import { Counts, Storages } from "@/components/home/Kept";
import { Needs } from "@/components/home/Needs";
import { WorkList } from "@/components/home/WorkList";
import { QueryFailure } from "@/components/QueryFailure";
import { Card, CardTitle } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { Loading } from "@/components/ui/states";

export function HomeView() {
  const { t } = useTranslation(["common", "home"]);
  const { data, error, refetch } = useQuery(homeQueries.read());
  return (
    <Page title={t("nav.home")}>
      {data ? (
        <Summary home={data} />
      ) : error ? (
        <QueryFailure error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading label={t("loading")} />
      )}
    </Page>
  );
}

function Summary({ home }: { home: Home }) {
  const { t } = useTranslation("home");
  const isEmpty = home.projects.value === 0 && home.experiments.value === 0 && home.plugins.value === 0;
  return (
    <>
      {isEmpty ? <FirstSteps /> : <Counts home={home} />}
      <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-2">
        <Needs home={home} />
        <Card aria-labelledby="home-running">
          <CardTitle id="home-running">{t("running.title")}</CardTitle>
          {home.running.length > 0 ? (
            <WorkList items={home.running} label={t("running.title")} />
          ) : (
            <p className="text-muted-foreground">{t("running.nothing")}</p>
          )}
        </Card>
        <Storages storages={home.storages} />
      </div>
    </>
  );
}
