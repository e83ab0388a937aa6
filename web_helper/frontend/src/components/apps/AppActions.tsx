import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ExternalLink, Play, RotateCcw, Square, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type App, type AppChange, appQueries, changeApp, isMoving, removeApp } from "@/api/apps";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";

const UP = new Set<App["status"]>(["running", "paused"]);

/** What can be done with an app; each button names the app, for a table has many of them. */
export function AppActions({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const { t: common } = useTranslation();
  const [isAsking, setIsAsking] = useState(false);
  const { change, remove } = useAppChanges(app);
  const isBusy = change.isPending || remove.isPending;
  const error = change.error ?? remove.error;
  const name = app.plugin_release;
  return (
    <div className="grid justify-items-end gap-1">
      <div className="flex justify-end gap-1">
        {UP.has(app.status) && (
          <Button asChild size="small">
            <a href={`/playground/${app.id}/`} target="_blank" rel="noopener" aria-label={t("act.openOne", { name })}>
              <ExternalLink aria-hidden /> {t("act.open")}
            </a>
          </Button>
        )}
        {UP.has(app.status) ? (
          <>
            <Act label="restart" name={name} isDisabled={isBusy} onAct={() => change.mutate("restart")} />
            <Act label="stop" name={name} isDisabled={isBusy} onAct={() => change.mutate("stop")} />
          </>
        ) : (
          !isMoving(app) && <Act label="start" name={name} isDisabled={isBusy} onAct={() => change.mutate("start")} />
        )}
        <Button
          variant="ghost"
          size="icon"
          aria-label={t("act.removeOne", { name })}
          disabled={isBusy}
          onClick={() => setIsAsking(true)}
        >
          <Trash2 />
        </Button>
      </div>
      {error && (
        <p role="alert" className="text-xs text-danger">
          {error.message}
        </p>
      )}
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t("remove.question", { name })}
        description={t("remove.text")}
        confirmLabel={t("remove.button")}
        cancelLabel={common("cancel")}
        onConfirm={() => remove.mutate()}
      />
    </div>
  );
}

const ICONS = { start: Play, restart: RotateCcw, stop: Square };

interface ActProps {
  label: keyof typeof ICONS;
  name: string;
  isDisabled: boolean;
  onAct: () => void;
}

function Act({ label, name, isDisabled, onAct }: ActProps) {
  const { t } = useTranslation("apps");
  const Icon = ICONS[label];
  return (
    <Button size="small" aria-label={t(`act.${label}One`, { name })} disabled={isDisabled} onClick={onAct}>
      <Icon aria-hidden /> {t(`act.${label}`)}
    </Button>
  );
}

function useAppChanges(app: App) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const renew = () => queryClient.invalidateQueries({ queryKey: appQueries.all });
  const change = useMutation({ mutationFn: (wish: AppChange) => changeApp(app.id, wish), onSuccess: renew });
  const remove = useMutation({
    mutationKey: appQueries.removal(app.id),
    mutationFn: async () => {
      await queryClient.cancelQueries({ queryKey: appQueries.one(app.id).queryKey });
      await removeApp(app.id);
    },
    onSuccess: async () => {
      await navigate({ to: "/apps" });
      queryClient.removeQueries({ queryKey: appQueries.one(app.id).queryKey });
      await queryClient.invalidateQueries({ queryKey: appQueries.list().queryKey });
    },
  });
  return { change, remove };
}
