import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleOff, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Agent, agentQueries, deleteAgent, isConnected } from "@/api/agents";
import { QueryFailure } from "@/components/QueryFailure";
import { SectionFrame, type SectionProps } from "@/components/settings/SectionFrame";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Copyable } from "@/components/ui/copyable";
import { Dialog } from "@/components/ui/dialog";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

export function AgentSettings({ me }: SectionProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const [isAdding, setIsAdding] = useState(false);
  const { data, error, refetch } = useQuery(agentQueries.list());
  return (
    <SectionFrame
      title={t("sections.agents")}
      description={t("agents.description")}
      actions={
        me.is_admin && (
          <Button variant="primary" onClick={() => setIsAdding(true)}>
            <Plus />
            {t("agents.add")}
          </Button>
        )
      }
    >
      {data ? (
        data.length > 0 ? (
          <AgentTable agents={data} isAdmin={me.is_admin} />
        ) : (
          <Empty title={t("agents.none")}>{t("agents.noneHint")}</Empty>
        )
      ) : error ? (
        <QueryFailure error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
      <Dialog
        title={t("agents.add")}
        description={t("agents.addText")}
        closeLabel={common("close")}
        open={isAdding}
        onOpenChange={setIsAdding}
      >
        <Copyable
          text={`synapse agent up --server ${location.origin} --name gpu-1`}
          label={t("agents.copy")}
          doneLabel={common("copied")}
        />
        <p className="mt-3 text-muted-foreground">{t("agents.addDone")}</p>
      </Dialog>
    </SectionFrame>
  );
}

function AgentTable({ agents, isAdmin }: { agents: Agent[]; isAdmin: boolean }) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [asked, setAsked] = useState<Agent | null>(null);
  const remove = useMutation({
    mutationFn: deleteAgent,
    onSettled: () => queryClient.invalidateQueries(agentQueries.list()),
  });
  return (
    <>
      {remove.error && <QueryFailure error={remove.error} />}
      <Table label={t("agents.list")}>
        <thead>
          <tr>
            <Th>{t("agents.name")}</Th>
            <Th>{t("agents.url")}</Th>
            <Th>{t("agents.state")}</Th>
            <Th>{t("agents.seen")}</Th>
            <Th>
              <span className="sr-only">{common("delete")}</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <Tr key={agent.id}>
              <Td className="font-medium break-words">{agent.name}</Td>
              <Td className="min-w-40 font-mono text-[13px] break-all">{agent.url}</Td>
              <Td>
                <Badge tone={isConnected(agent) ? "success" : "warning"}>
                  {isConnected(agent) ? <CircleCheck aria-hidden /> : <CircleOff aria-hidden />}
                  {isConnected(agent) ? t("agents.connected") : t("agents.disconnected")}
                </Badge>
              </Td>
              <Td>
                <When iso={agent.last_seen_at} />
              </Td>
              <Td className="text-right">
                {isAdmin && (
                  <Button
                    size="small"
                    aria-label={t("agents.deleteNamed", { name: agent.name })}
                    onClick={() => setAsked(agent)}
                  >
                    {common("delete")}
                  </Button>
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <Confirm
        title={t("agents.deleteTitle", { name: asked?.name })}
        description={t("agents.deleteText")}
        confirmLabel={common("delete")}
        cancelLabel={common("cancel")}
        open={asked !== null}
        onOpenChange={(open) => !open && setAsked(null)}
        onConfirm={() => asked && remove.mutate(asked.id)}
      />
    </>
  );
}
