import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { addMember, memberQueries, ROLES, type Role } from "@/api/accounts";
import { QueryFailure } from "@/components/QueryFailure";
import { FormDialog, fieldError, useAdding } from "@/components/settings/FormDialog";
import { MemberTable } from "@/components/settings/MemberTable";
import { SectionFrame, type SectionProps } from "@/components/settings/SectionFrame";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/settings/$section");
const FIELDS = ["email", "role"] as const;

export function MemberSettings(_props: SectionProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const { project } = route.useSearch();
  const navigate = route.useNavigate();
  const [isAdding, setIsAdding] = useState(false);
  const projects = useQuery(memberQueries.projects());
  const chosen = projects.data?.find(({ id }) => id === project) ?? projects.data?.[0];
  return (
    <SectionFrame
      title={t("sections.members")}
      description={t("members.description")}
      actions={
        chosen && (
          <Button variant="primary" onClick={() => setIsAdding(true)}>
            <Plus />
            {t("members.add")}
          </Button>
        )
      }
    >
      {projects.error && <QueryFailure error={projects.error} onRetry={() => void projects.refetch()} />}
      {projects.isPending && <Loading label={common("loading")} />}
      {projects.data?.length === 0 && <Empty title={t("members.noProject")}>{t("members.noProjectHint")}</Empty>}
      {chosen && (
        <>
          <Field label={t("members.project")} className="max-w-sm">
            <Select
              value={chosen.id}
              onChange={(event) => void navigate({ search: { project: Number(event.target.value) }, replace: true })}
            >
              {projects.data?.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          </Field>
          <Members key={chosen.id} projectId={chosen.id} projectName={chosen.name} />
          <AddMember projectId={chosen.id} open={isAdding} onOpenChange={setIsAdding} />
        </>
      )}
    </SectionFrame>
  );
}

function Members({ projectId, projectName }: { projectId: number; projectName: string }) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const members = useInfiniteQuery(memberQueries.of(projectId));
  return (
    <>
      {members.data ? (
        members.data.length > 0 ? (
          <MemberTable members={members.data} projectName={projectName} />
        ) : (
          <Empty title={t("members.none")}>{t("members.noneHint")}</Empty>
        )
      ) : members.error ? (
        <QueryFailure error={members.error} onRetry={() => void members.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
      {members.hasNextPage && (
        <Button
          className="justify-self-start"
          disabled={members.isFetching}
          onClick={() => void members.fetchNextPage()}
        >
          {common("more")}
        </Button>
      )}
    </>
  );
}

interface AddMemberProps {
  projectId: number;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

function AddMember({ projectId, ...dialog }: AddMemberProps) {
  const { t } = useTranslation("settings");
  const send = (form: FormData) =>
    addMember({ project: projectId, email: String(form.get("email")), role: form.get("role") as Role });
  const adding = useAdding(dialog, send, memberQueries.all);
  return (
    <FormDialog title={t("members.add")} submitLabel={t("members.add")} fields={FIELDS} {...adding}>
      <Field label={t("members.email")} error={fieldError(adding.error, "email")}>
        <Input name="email" autoComplete="off" />
      </Field>
      <Field label={t("members.role")} error={fieldError(adding.error, "role")}>
        <Select name="role" defaultValue="annotator">
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {t(`members.roles.${role}`)}
            </option>
          ))}
        </Select>
      </Field>
    </FormDialog>
  );
}
