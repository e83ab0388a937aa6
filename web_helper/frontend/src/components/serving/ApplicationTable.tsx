import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Agent } from "@/api/agents";
import { deleteApplication, type ServeApplication, servingQueries } from "@/api/serving";
import { RemoveButton } from "@/components/RemoveButton";
import { ServeStatusBadge } from "@/components/serving/ServeStatusBadge";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

export function ApplicationTable({ applications, agents }: { applications: ServeApplication[]; agents: Agent[] }) {
  const { t } = useTranslation("serving");
  const names = new Map(agents.map((agent) => [agent.id, agent.name]));
  return (
    <Table label={t("applications")}>
      <thead>
        <tr>
          <Th>{t("list.name")}</Th>
          <Th>{t("list.status")}</Th>
          <Th>{t("list.agent")}</Th>
          <Th>{t("list.replicas")}</Th>
          <Th>{t("list.changed")}</Th>
          <Th>
            <span className="sr-only">{t("list.actions")}</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {applications.map((application) => (
          <Tr key={application.id}>
            <Td>
              <Name application={application} />
            </Td>
            <Td className="max-w-md">
              <ServeStatusBadge status={application.status} />
              {application.message && (
                <p className="mt-1 text-xs break-words text-muted-foreground">{application.message}</p>
              )}
            </Td>
            <Td>{names.get(application.agent_id ?? -1) ?? "–"}</Td>
            <Td className="tabular-nums">
              {t("list.replicasOf", { ready: application.replicas, count: application.num_replicas })}
            </Td>
            <Td>
              <When iso={application.changed} />
            </Td>
            <Td className="text-right">
              <DeleteButton application={application} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function Name({ application }: { application: ServeApplication }) {
  const { name, plugin_code: code, version, endpoint } = application;
  return (
    <>
      {code ? (
        <Link
          to="/plugins/$code"
          params={{ code }}
          search={{ version: version ?? undefined }}
          className="font-medium text-primary hover:underline"
        >
          {name}
        </Link>
      ) : (
        <span className="font-medium">{name}</span>
      )}
      {endpoint && <p className="font-mono text-xs break-all text-muted-foreground">{endpoint}</p>}
    </>
  );
}

function DeleteButton({ application }: { application: ServeApplication }) {
  const { t } = useTranslation("serving");
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteApplication(application.id),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: servingQueries.all }),
  });
  return (
    <RemoveButton
      label={t("remove.one", { name: application.name })}
      question={t("remove.question", { name: application.name })}
      description={t("remove.text")}
      disabled={application.status === "DELETING" || remove.isPending}
      error={remove.error}
      onRemove={() => remove.mutate()}
    />
  );
}
