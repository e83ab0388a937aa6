import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Bell, X } from "lucide-react";
import { Dialog } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Notification, notificationQueries } from "@/api/notifications";
import { NotificationCard } from "@/components/notifications/NotificationCard";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Loading } from "@/components/ui/states";

const MOST_SHOWN = 99;

/** How many questions are open, and a panel that slides over the page with all of them. */
export function NotificationBell() {
  const { t } = useTranslation("notifications");
  const [isOpen, setIsOpen] = useState(false);
  const { data } = useQuery(notificationQueries.list("pending"));
  const count = data?.length ?? 0;
  return (
    <Dialog.Root open={isOpen} onOpenChange={setIsOpen}>
      <Dialog.Trigger asChild>
        <Button variant="ghost" size="icon" className="relative" aria-label={t("bell", { count })}>
          <Bell />
          {count > 0 && (
            <span
              aria-hidden
              className="absolute -top-0.5 -right-0.5 min-w-4.5 rounded-full bg-danger px-1 text-center text-[11px] leading-4.5 font-semibold text-danger-foreground"
            >
              {count > MOST_SHOWN ? `${MOST_SHOWN}+` : count}
            </span>
          )}
        </Button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 right-0 z-50 grid w-[min(46rem,100vw)] grid-rows-[auto_minmax(0,1fr)] border-l bg-background shadow-xl"
        >
          <Panel onClose={() => setIsOpen(false)} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Panel({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["notifications", "common"]);
  const open = useQuery(notificationQueries.list("pending"));
  return (
    <>
      <header className="flex items-center gap-3 border-b bg-card p-4">
        <div className="mr-auto">
          <Dialog.Title className="text-base font-semibold">{t("title")}</Dialog.Title>
          <output className="text-muted-foreground">{t("required", { count: open.data?.length ?? 0 })}</output>
        </div>
        <Button asChild size="small">
          <Link to="/notifications" onClick={onClose}>
            {t("seeAll")}
          </Link>
        </Button>
        <Button variant="ghost" size="icon" aria-label={t("common:close")} onClick={onClose}>
          <X />
        </Button>
      </header>
      <div className="overflow-auto p-4">
        {open.error && !open.data && <QueryFailure error={open.error} onRetry={() => open.refetch()} />}
        {open.isPending && <Loading label={t("common:loading")} />}
        {open.data?.length === 0 && <p className="text-muted-foreground">{t("none")}</p>}
        <NotificationList notifications={open.data ?? []} />
      </div>
    </>
  );
}

export function NotificationList({ notifications }: { notifications: readonly Notification[] }) {
  const { t } = useTranslation("notifications");
  return (
    <ul aria-label={t("title")} className="grid gap-3">
      {notifications.map((each) => (
        <li key={each.id}>
          <NotificationCard notification={each} />
        </li>
      ))}
    </ul>
  );
}
