import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleUser, LogOut, Settings } from "lucide-react";
import { useTranslation } from "react-i18next";
import { closeSession, sessionQueries } from "@/api/session";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuTrigger } from "@/components/ui/menu";

export function AccountMenu() {
  const { t } = useTranslation();
  const { data: me } = useQuery(sessionQueries.me());
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const logOut = useMutation({
    mutationFn: closeSession,
    onSuccess: async () => {
      await navigate({ to: "/login" });
      // After the views are gone, which would ask again.
      queryClient.clear();
    },
  });
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="ghost" size="icon" aria-label={t("account")} title={me?.email}>
          <CircleUser />
        </Button>
      </MenuTrigger>
      <MenuContent>
        <MenuLabel className="max-w-64 truncate">{me?.email}</MenuLabel>
        <MenuItem asChild>
          <Link to="/settings">
            <Settings aria-hidden />
            {t("nav.settings")}
          </Link>
        </MenuItem>
        <MenuItem onSelect={() => logOut.mutate()}>
          <LogOut aria-hidden />
          {t("logOut")}
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
