import { CircleAlert, CircleCheck, CloudOff, LoaderCircle, Pencil } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { TaskAnnotations } from "@/api/tasks";
import type { SaveState } from "@/components/editor/useAutosave";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { formatAge } from "@/lib/format";

const LOOKS: Record<Exclude<SaveState, "conflict">, [Tone, typeof CircleCheck]> = {
  saved: ["success", CircleCheck],
  dirty: ["neutral", Pencil],
  saving: ["neutral", LoaderCircle],
  offline: ["warning", CloudOff],
  refused: ["danger", CircleAlert],
};

/** Whether the server has what is on the screen. */
export function SaveStatus({ state, problem }: { state: SaveState; problem: string }) {
  const { t } = useTranslation("tasks");
  const [tone, Icon] = state === "conflict" ? (["warning", CircleAlert] as const) : LOOKS[state];
  const words = state === "offline" ? t("save.dirty") : t(`save.${state}`, { message: problem });
  return (
    <output aria-live="polite">
      <Badge tone={tone}>
        <Icon aria-hidden />
        {words}
      </Badge>
      {state === "offline" && <span className="sr-only">{t("save.offline")}</span>}
    </output>
  );
}

interface ConflictProps {
  theirs: TaskAnnotations;
  mineCount: number;
  isShowingTheirs: boolean;
  onShow: (theirs: boolean) => void;
  onChoose: (keepsMine: boolean) => void;
}

/** Someone else changed the task: both versions can be looked at, and one is chosen. */
export function Conflict({ theirs, mineCount, isShowingTheirs, onShow, onChoose }: ConflictProps) {
  const { t, i18n } = useTranslation("tasks");
  const theirCount = (theirs.data as { annotations?: unknown[] } | null)?.annotations?.length ?? 0;
  const when = theirs.changed ? formatAge(theirs.changed, i18n.language) : "";
  return (
    <section role="alert" aria-label={t("save.conflict")} className="grid gap-2 border-b bg-warning/10 px-4 py-3">
      <p className="font-medium">{t("save.conflict")}</p>
      <p>{theirs.changed_by ? t("save.conflictBy", { who: theirs.changed_by, when }) : t("save.conflictUnknown")}</p>
      <div className="flex flex-wrap gap-2">
        <Button size="small" aria-pressed={isShowingTheirs} onClick={() => onShow(!isShowingTheirs)}>
          {isShowingTheirs ? t("save.showMine") : t("save.showTheirs")}
        </Button>
        <Button size="small" onClick={() => onChoose(true)}>
          {t("save.mine", { count: mineCount })}
        </Button>
        <Button size="small" onClick={() => onChoose(false)}>
          {t("save.theirs", { count: theirCount })}
        </Button>
      </div>
    </section>
  );
}
