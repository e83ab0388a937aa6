import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, CircleDashed, CircleX, Clock, Download, type LucideIcon, SkipForward, Upload } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { answerNotification, type Notification, notificationQueries, type Resolution } from "@/api/notifications";
import { QueryFailure } from "@/components/QueryFailure";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Loading } from "@/components/ui/states";
import { When } from "@/components/When";

// The bell is on every page, and the editor that shows differences is not small.
const CodeDiff = lazy(async () => ({ default: (await import("@/components/code/CodeDiff")).CodeDiff }));

const ANSWERS = [
  ["use_local", Upload],
  ["use_server", Download],
  ["skip", SkipForward],
] as const satisfies readonly (readonly [Resolution, LucideIcon])[];
const LOOKS: Record<Notification["status"], [Tone, LucideIcon]> = {
  pending: ["warning", CircleDashed],
  answered: ["info", Clock],
  done: ["success", Check],
  failed: ["danger", CircleX],
};

/** One conflict: where, what differs, and the three answers. */
export function NotificationCard({ notification }: { notification: Notification }) {
  const { t } = useTranslation("notifications");
  const [isShown, setIsShown] = useState(false);
  const { id, path, host_id: host, status } = notification;
  const [tone, Icon] = LOOKS[status];
  return (
    <Card aria-label={`${path} ${t("on", { host })}`} className="grid gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <h3 className="font-semibold break-all">{path}</h3>
        <span className="text-muted-foreground">{t("on", { host })}</span>
        <Badge tone={tone} className="ml-auto">
          <Icon aria-hidden /> {t(`status.${status}`)}
        </Badge>
      </header>
      <p className="text-muted-foreground">
        {t(`type.${notification.conflict_type}`, { defaultValue: notification.conflict_type })} ·{" "}
        <When iso={notification.created_at} />
      </p>
      {notification.message && <p className="break-words">{notification.message}</p>}
      <Decision notification={notification} />
      <div className="flex flex-wrap gap-2">
        <Button size="small" aria-expanded={isShown} onClick={() => setIsShown(!isShown)}>
          {isShown ? t("hideDiff") : t("showDiff")}
        </Button>
        {status === "pending" && <Answers id={id} canDownload={notification.server_sha256 !== null} />}
      </div>
      {isShown && <Sides id={id} />}
    </Card>
  );
}

/** What the server does not have cannot be downloaded. */
function Answers({ id, canDownload }: { id: number; canDownload: boolean }) {
  const { t } = useTranslation("notifications");
  const client = useQueryClient();
  const answer = useMutation({
    mutationFn: (resolution: Resolution) => answerNotification(id, resolution),
    onSettled: () => client.invalidateQueries({ queryKey: notificationQueries.all }),
  });
  return (
    <>
      {ANSWERS.filter(([resolution]) => canDownload || resolution !== "use_server").map(([resolution, Icon]) => (
        <Button key={resolution} size="small" disabled={answer.isPending} onClick={() => answer.mutate(resolution)}>
          <Icon /> {t(resolution)}
        </Button>
      ))}
      {answer.error && (
        <p role="alert" className="w-full text-danger">
          {answer.error.message}
        </p>
      )}
    </>
  );
}

function Decision({ notification }: { notification: Notification }) {
  const { t } = useTranslation("notifications");
  const { resolution, answered_by, outcome, status } = notification;
  if (status === "pending") return null;
  return (
    <div className="grid gap-1">
      {resolution && <p>{t("decided", { user: answered_by ?? "–", what: t(resolution) })}</p>}
      {status === "answered" && <p className="text-muted-foreground">{t("waits")}</p>}
      {outcome && <p className="break-words">{outcome}</p>}
    </div>
  );
}

function Sides({ id }: { id: number }) {
  const { t } = useTranslation(["notifications", "common"]);
  const found = useQuery(notificationQueries.one(id));
  if (found.error) return <QueryFailure error={found.error} onRetry={() => found.refetch()} />;
  if (!found.data) return <Loading label={t("common:loading")} />;
  const { local_content: local, server_content: server, local_sha256, host_id: host } = found.data;
  if (local === null && local_sha256 !== null)
    return <p>{t("noText", { hash: found.data.local_hash ?? local_sha256 })}</p>;
  return (
    <Suspense fallback={<Loading label={t("common:loading")} />}>
      <CodeDiff
        before={server ?? ""}
        after={local ?? ""}
        beforeLabel={server === null ? `${t("server")} (${t("nothing")})` : t("server")}
        afterLabel={t("local", { host })}
        language="python"
      />
    </Suspense>
  );
}
