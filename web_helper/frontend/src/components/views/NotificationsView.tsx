import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { notificationQueries } from "@/api/notifications";
import { NotificationList } from "@/components/notifications/NotificationBell";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/notifications");

export function NotificationsView() {
  const { t } = useTranslation(["notifications", "common"]);
  const { show } = route.useSearch();
  const found = useQuery(notificationQueries.list(show === "all" ? "all" : "pending"));
  return (
    <Page
      title={t("title")}
      description={t("description")}
      actions={
        <nav aria-label={t("title")} className="flex gap-1">
          <Button asChild variant={show === undefined ? "outline" : "ghost"}>
            <Link to="/notifications" aria-current={show === undefined ? "page" : undefined}>
              {t("pending")}
            </Link>
          </Button>
          <Button asChild variant={show === "all" ? "outline" : "ghost"}>
            <Link to="/notifications" search={{ show: "all" }} aria-current={show === "all" ? "page" : undefined}>
              {t("all")}
            </Link>
          </Button>
        </nav>
      }
    >
      {found.error && !found.data && <QueryFailure error={found.error} onRetry={() => found.refetch()} />}
      {found.isPending && <Loading label={t("common:loading")} />}
      {found.data?.length === 0 && <Empty title={t("required", { count: 0 })}>{t("none")}</Empty>}
      {found.data && found.data.length > 0 && <NotificationList notifications={found.data} />}
    </Page>
  );
}
