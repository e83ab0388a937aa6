import { useQuery } from "@tanstack/react-query";
import { Rocket } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { agentQueries } from "@/api/agents";
import { servingQueries } from "@/api/serving";
import { QueryFailure } from "@/components/QueryFailure";
import { AgentCapacity } from "@/components/serving/AgentCapacity";
import { ApplicationTable } from "@/components/serving/ApplicationTable";
import { DeployDialog } from "@/components/serving/DeployDialog";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

/** Served models, and the machines that serve them. */
export function ServingView() {
  const { t } = useTranslation("serving");
  const { t: common } = useTranslation();
  const applications = useQuery(servingQueries.list());
  const agents = useQuery(agentQueries.list());
  const failed = [applications, agents].find((query) => query.isError && query.data === undefined);
  const [isDeploying, setIsDeploying] = useState(false);
  const deploy = (
    <Button variant="primary" onClick={() => setIsDeploying(true)}>
      <Rocket aria-hidden /> {t("deploy.button")}
    </Button>
  );
  return (
    <Page title={common("nav.serving")} description={t("description")} actions={deploy}>
      {failed?.error && <QueryFailure error={failed.error} onRetry={() => failed.refetch()} />}
      {!failed && (applications.isPending || agents.isPending) && <Loading label={common("loading")} />}
      {applications.data !== undefined && agents.data !== undefined && (
        <>
          {applications.data.length === 0 ? (
            <Empty title={t("none")}>{t("noneHint")}</Empty>
          ) : (
            <ApplicationTable applications={applications.data} agents={agents.data} />
          )}
          <section className="grid gap-3">
            <h2 className="font-semibold">{t("agents")}</h2>
            {agents.data.length === 0 && (
              <Empty title={t("noAgents")}>
                <Copyable text="synapse agent up" label={common("copy")} doneLabel={common("copied")} />
              </Empty>
            )}
            <div className="grid grid-cols-1 gap-4 sm:grid-cols-2 lg:grid-cols-3">
              {agents.data.map((agent) => (
                <AgentCapacity key={agent.id} agent={agent} applications={applications.data} />
              ))}
            </div>
          </section>
        </>
      )}
      {isDeploying && <DeployDialog onClose={() => setIsDeploying(false)} />}
    </Page>
  );
}
