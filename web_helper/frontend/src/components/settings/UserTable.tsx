import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleOff, Ellipsis } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changeUser, type User, userQueries } from "@/api/accounts";
import { QueryFailure } from "@/components/QueryFailure";
import { CreateToken } from "@/components/settings/CreateToken";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

export function UserTable({ users, me }: { users: User[]; me: User }) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const change = useMutation({
    mutationFn: changeUser,
    onSettled: () => queryClient.invalidateQueries({ queryKey: userQueries.all }),
  });
  const [leaving, setLeaving] = useState<User | null>(null);
  const [owner, setOwner] = useState<User | null>(null);
  return (
    <>
      {change.error && <QueryFailure error={change.error} />}
      <Table label={t("users.list")}>
        <thead>
          <tr>
            <Th>{t("users.name")}</Th>
            <Th>{t("users.rights")}</Th>
            <Th>{t("users.state")}</Th>
            <Th>{t("users.since")}</Th>
            <Th>
              <span className="sr-only">{t("users.change", { name: "" })}</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <Tr key={user.id}>
              <Td>
                <span className="block font-medium break-words">{user.name || user.email}</span>
                {user.name && <span className="block text-xs break-words text-muted-foreground">{user.email}</span>}
              </Td>
              <Td>{user.is_admin ? t("users.admin") : t("users.person")}</Td>
              <Td>
                <Badge tone={user.is_active ? "success" : "neutral"}>
                  {user.is_active ? <CircleCheck aria-hidden /> : <CircleOff aria-hidden />}
                  {user.is_active ? t("users.active") : t("users.inactive")}
                </Badge>
              </Td>
              <Td>
                <When iso={user.created} />
              </Td>
              <Td className="text-right">
                {me.is_admin && (
                  <UserMenu
                    user={user}
                    isSelf={user.id === me.id}
                    onToken={() => setOwner(user)}
                    onAdmin={() => change.mutate({ id: user.id, is_admin: !user.is_admin })}
                    onActive={() =>
                      user.is_active ? setLeaving(user) : change.mutate({ id: user.id, is_active: true })
                    }
                  />
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <Confirm
        title={t("users.deactivateTitle", { name: leaving?.name || leaving?.email })}
        description={t("users.deactivateText")}
        confirmLabel={t("users.deactivate")}
        cancelLabel={common("cancel")}
        open={leaving !== null}
        onOpenChange={(open) => !open && setLeaving(null)}
        onConfirm={() => leaving && change.mutate({ id: leaving.id, is_active: false })}
      />
      {owner && <CreateToken open onOpenChange={(open) => !open && setOwner(null)} isAdmin owner={owner} />}
    </>
  );
}

interface UserMenuProps {
  user: User;
  isSelf: boolean;
  onToken: () => void;
  onAdmin: () => void;
  onActive: () => void;
}

function UserMenu({ user, isSelf, onToken, onAdmin, onActive }: UserMenuProps) {
  const { t } = useTranslation("settings");
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="ghost" size="icon" aria-label={t("users.change", { name: user.name || user.email })}>
          <Ellipsis />
        </Button>
      </MenuTrigger>
      <MenuContent>
        <MenuItem onSelect={onToken}>{t("users.giveToken")}</MenuItem>
        {/* Nobody takes away their own rights. */}
        <MenuItem disabled={isSelf} onSelect={onAdmin}>
          {user.is_admin ? t("users.takeAdmin") : t("users.makeAdmin")}
        </MenuItem>
        <MenuItem disabled={isSelf} onSelect={onActive}>
          {user.is_active ? t("users.deactivate") : t("users.activate")}
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
