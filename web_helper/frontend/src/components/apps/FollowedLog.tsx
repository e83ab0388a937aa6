import { useTranslation } from "react-i18next";
import { useFollowedLines } from "@/components/apps/useFollowedLines";
import { LogViewer } from "@/components/jobs/LogViewer";
import { Failure } from "@/components/ui/states";

interface FollowedLogProps {
  label: string;
  path: string;
  className?: string;
}

/** A log as it comes; where what it tells of failed, why. */
export function FollowedLog({ label, path, className }: FollowedLogProps) {
  const { t } = useTranslation("apps");
  const { lines, problem, isOver, isConnected } = useFollowedLines(path);
  return (
    <div className="grid min-w-0 content-start gap-3">
      {problem && <Failure title={t("log.failed")} message={problem} />}
      {!isConnected && !isOver && (
        <p role="status" className="text-warning">
          {t("log.away")}
        </p>
      )}
      <LogViewer label={label} lines={lines} isLive={!isOver} className={className ?? "h-[60vh]"} />
    </div>
  );
}
