import { useQueryClient } from "@tanstack/react-query";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { activateVersions, componentQueries, rollBack, setAlias, type VersionStory } from "@/api/components";
import { ReasonDialog } from "@/components/components/ReasonDialog";
import { VersionItem } from "@/components/components/VersionItem";
import { VersionUses } from "@/components/components/VersionUses";
import { Button } from "@/components/ui/button";

interface VersionHistoryProps {
  path: string;
  story: readonly VersionStory[];
  shownHash: string;
  activeHash: string | null;
}

type Asked = { what: "activate" | "alias" | "uses"; hash: string } | { what: "rollback" };

/** Every version, newest first: who brought it, when and why, what pointed to it, and what can be done with it. */
export function VersionHistory({ path, story, shownHash, activeHash }: VersionHistoryProps) {
  const { t } = useTranslation("components");
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const refresh = () => client.invalidateQueries({ queryKey: componentQueries.all });
  return (
    <section aria-label={t("history.title")} className="grid gap-2">
      <header className="flex items-center justify-between gap-2">
        <h2 className="font-semibold">{t("history.title")}</h2>
        <Button size="small" title={t("history.rollbackHint")} onClick={() => setAsked({ what: "rollback" })}>
          <Undo2 /> {t("history.rollback")}
        </Button>
      </header>
      <ol className="grid gap-2">
        {story.map((version) => (
          <VersionItem
            key={version.hash}
            path={path}
            version={version}
            others={story.filter((other) => other.hash !== version.hash)}
            isShown={version.hash === shownHash}
            onAsk={(what) => setAsked({ what, hash: version.hash })}
          />
        ))}
      </ol>
      {asked?.what === "activate" && (
        <ReasonDialog
          title={t("activate.title", { path, hash: asked.hash.slice(0, 8) })}
          text={t("activate.text")}
          confirmLabel={t("activate.confirm")}
          onClose={close}
          onConfirm={(reason) =>
            activateVersions([{ path, hash: asked.hash, expected: activeHash }], reason).finally(refresh)
          }
        />
      )}
      {asked?.what === "alias" && (
        <ReasonDialog
          title={t("alias.title", { path, hash: asked.hash.slice(0, 8) })}
          text={t("alias.text")}
          confirmLabel={t("alias.confirm")}
          asksName
          onClose={close}
          onConfirm={(reason, name) => setAlias(path, asked.hash, name, reason).finally(refresh)}
        />
      )}
      {asked?.what === "rollback" && (
        <ReasonDialog
          title={t("rollback.title", { path })}
          text={t("rollback.text")}
          confirmLabel={t("rollback.confirm")}
          onClose={close}
          onConfirm={(reason) => rollBack([path], reason).finally(refresh)}
        />
      )}
      {asked?.what === "uses" && <VersionUses path={path} hash={asked.hash} onClose={close} />}
    </section>
  );
}
