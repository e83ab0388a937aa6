import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type ExperimentDetail, experimentQueries } from "@/api/experiments";
import { ExperimentActions } from "@/components/experiments/ExperimentActions";
import { ExperimentFacts } from "@/components/experiments/ExperimentFacts";
import { RunConfig } from "@/components/experiments/RunConfig";
import { RunCurves } from "@/components/experiments/RunCurves";
import { RunLog } from "@/components/experiments/RunLog";
import { RunManifest } from "@/components/experiments/RunManifest";
import { QueryFailure } from "@/components/QueryFailure";
import { Page } from "@/components/ui/page";
import { Loading } from "@/components/ui/states";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { EXPERIMENT_TABS, type ExperimentTab } from "@/routes/experiments";

const route = getRouteApi("/shell/experiments/$uid");

export function ExperimentView() {
  const { t } = useTranslation("common");
  const { uid } = route.useParams();
  const found = useQuery(experimentQueries.one(uid));
  if (found.error && !found.data)
    return (
      <Page title={uid}>
        <QueryFailure error={found.error} onRetry={() => found.refetch()} />
      </Page>
    );
  if (!found.data)
    return (
      <Page title={uid}>
        <Loading label={t("loading")} />
      </Page>
    );
  return <Run key={uid} experiment={found.data} />;
}

function Run({ experiment }: { experiment: ExperimentDetail }) {
  const { t } = useTranslation("experiments");
  const { tab = "curves" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title={experiment.name}
      description={<code className="font-mono text-xs">{experiment.uid}</code>}
      actions={<ExperimentActions experiment={experiment} />}
    >
      <ExperimentFacts experiment={experiment} />
      <Tabs value={tab} onValueChange={(next) => navigate({ search: { tab: next as ExperimentTab }, replace: true })}>
        <TabsList>
          {EXPERIMENT_TABS.map((each) => (
            <TabsTrigger key={each} value={each}>
              {t(`detail.${each}`)}
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value="curves">
          <RunCurves experiment={experiment} />
        </TabsContent>
        <TabsContent value="log">
          <RunLog experiment={experiment} />
        </TabsContent>
        <TabsContent value="manifest">
          <RunManifest experiment={experiment} />
        </TabsContent>
        <TabsContent value="config">
          <RunConfig uid={experiment.uid} />
        </TabsContent>
      </Tabs>
    </Page>
  );
}
