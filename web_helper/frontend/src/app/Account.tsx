import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleUser, LogOut } from "lucide-react";
import { useTranslation } from "react-i18next";
import { closeSession, sessionQueries } from "@/api/session";
import { Button } from "@/components/ui/button";

/** Who is logged in, and the way out. Two buttons: a menu for them would be a tenth of what the first page loads. */
export function Account() {
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
  const name = me?.name || me?.email;
  return (
    <>
      <Button variant="ghost" size="small" asChild>
        <Link to="/settings" title={me?.email}>
          <CircleUser aria-hidden />
          <span className="sr-only">{t("account")}: </span>
          <span className="max-w-40 truncate max-md:sr-only">{name}</span>
        </Link>
      </Button>
      <Button
        variant="ghost"
        size="icon"
        aria-label={t("logOut")}
        title={t("logOut")}
        disabled={logOut.isPending}
        onClick={() => logOut.mutate()}
      >
        <LogOut />
      </Button>
    </>
  );
}
