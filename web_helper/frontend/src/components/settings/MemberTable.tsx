import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changeMember, memberQueries, type NamedMember, ROLES, type Role, removeMember } from "@/api/accounts";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Select } from "@/components/ui/input";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

export function MemberTable({ members, projectName }: { members: NamedMember[]; projectName: string }) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const refresh = () => queryClient.invalidateQueries({ queryKey: memberQueries.all });
  const change = useMutation({ mutationFn: changeMember, onSettled: refresh });
  const remove = useMutation({ mutationFn: removeMember, onSettled: refresh });
  const [asked, setAsked] = useState<NamedMember | null>(null);
  const error = change.error ?? remove.error;
  return (
    <>
      {error && <QueryFailure error={error} />}
      <Table label={t("members.list", { name: projectName })}>
        <thead>
          <tr>
            <Th>{t("members.person")}</Th>
            <Th>{t("members.role")}</Th>
            <Th>{t("members.since")}</Th>
            <Th>
              <span className="sr-only">{t("members.remove")}</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <Tr key={member.id}>
              <Td>
                <span className="block font-medium break-words">{nameOf(member)}</span>
                {member.user?.name && (
                  <span className="block text-xs break-words text-muted-foreground">{member.user.email}</span>
                )}
              </Td>
              <Td>
                <Select
                  aria-label={t("members.roleOf", { name: nameOf(member) })}
                  className="h-8 w-auto"
                  value={member.role}
                  disabled={change.isPending}
                  onChange={(event) => change.mutate({ id: member.id, role: event.target.value as Role })}
                >
                  {ROLES.map((role) => (
                    <option key={role} value={role}>
                      {t(`members.roles.${role}`)}
                    </option>
                  ))}
                </Select>
              </Td>
              <Td>
                <When iso={member.created} />
              </Td>
              <Td className="text-right">
                <Button
                  size="small"
                  aria-label={t("members.removeNamed", { name: nameOf(member) })}
                  onClick={() => setAsked(member)}
                >
                  {t("members.remove")}
                </Button>
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <Confirm
        title={t("members.removeTitle", { name: asked && nameOf(asked), project: projectName })}
        description={t("members.removeText")}
        confirmLabel={t("members.remove")}
        cancelLabel={common("cancel")}
        open={asked !== null}
        onOpenChange={(open) => !open && setAsked(null)}
        onConfirm={() => asked && remove.mutate(asked.id)}
      />
    </>
  );
}

function nameOf(member: NamedMember): string {
  return member.user?.name || member.user?.email || `#${member.user_id}`;
}
