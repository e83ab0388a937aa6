import { onlineManager } from "@tanstack/react-query";
import { WifiOff } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { lookForServer } from "@/api/connection";
import { Button } from "@/components/ui/button";

const LOOK_MS = 2_000;

/** Says that the server is away, and looks for it until it is back. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const isOnline = useSyncExternalStore(
    (onChange) => onlineManager.subscribe(onChange),
    () => onlineManager.isOnline(),
  );
  useEffect(() => {
    if (isOnline) return;
    const timer = setInterval(() => void lookForServer(), LOOK_MS);
    return () => clearInterval(timer);
  }, [isOnline]);
  if (isOnline) return null;
  return (
    <div
      role="alert"
      className="fixed inset-x-0 bottom-4 z-50 mx-auto flex w-fit max-w-[calc(100vw-2rem)] items-center gap-3 rounded-lg border border-warning/50 bg-card py-2 pr-2 pl-4 shadow-lg"
    >
      <WifiOff className="size-4 shrink-0 text-warning" aria-hidden />
      <p>{t("connection.lost")}</p>
      <Button size="small" onClick={() => void lookForServer()}>
        {t("connection.look")}
      </Button>
    </div>
  );
}
