import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { componentQueries, type VersionStory } from "@/api/components";
import { CodeDiff } from "@/components/code/CodeDiff";
import { CodeView } from "@/components/code/CodeView";
import { Outline } from "@/components/components/Outline";
import { VersionHistory } from "@/components/components/VersionHistory";
import { QueryFailure } from "@/components/QueryFailure";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Loading } from "@/components/ui/states";

/** One component: the code of a version, or two versions beside each other, and its history. */
export function ComponentPanel({ path, activeHash }: { path: string; activeHash: string | null }) {
  const { t } = useTranslation(["components", "common"]);
  const { hash: wanted, from } = useSearch({ from: "/shell/components" });
  const story = useQuery(componentQueries.story(path));
  if (story.error && !story.data) return <QueryFailure error={story.error} onRetry={() => story.refetch()} />;
  if (!story.data) return <Loading label={t("common:loading")} />;
  const hash = wanted ?? activeHash ?? story.data[0]?.hash ?? "";
  const shown = story.data.find((version) => version.hash === hash);
  return (
    <div className="grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,1fr)_20rem]">
      <section aria-label={path} className="grid gap-3">
        <Heading path={path} hash={hash} version={shown} />
        {from === undefined ? <Code path={path} hash={hash} /> : <Comparison path={path} from={from} to={hash} />}
      </section>
      <VersionHistory path={path} story={story.data} shownHash={hash} activeHash={activeHash} />
    </div>
  );
}

function Heading({ path, hash, version }: { path: string; hash: string; version: VersionStory | undefined }) {
  const { t } = useTranslation("components");
  return (
    <header className="flex flex-wrap items-center gap-2">
      <h2 className="text-base font-semibold break-all">{path}</h2>
      <code className="font-mono text-xs text-muted-foreground">{hash}</code>
      {version?.aliases.map((alias) => (
        <Badge key={alias} tone={alias === "active" ? "success" : "info"}>
          {alias === "active" ? t("active") : alias}
        </Badge>
      ))}
    </header>
  );
}

function Code({ path, hash }: { path: string; hash: string }) {
  const { t } = useTranslation(["components", "common"]);
  const [line, setLine] = useState<number>();
  const content = useQuery(componentQueries.content(path, hash));
  if (content.error) return <QueryFailure error={content.error} onRetry={() => content.refetch()} />;
  if (content.data === undefined) return <Loading label={t("common:loading")} />;
  return (
    <>
      <Outline code={content.data} onChoose={setLine} />
      <CodeView
        label={t("code", { path, hash })}
        code={content.data}
        language="python"
        line={line}
        className="max-h-[68vh]"
      />
    </>
  );
}

function Comparison({ path, from, to }: { path: string; from: string; to: string }) {
  const { t } = useTranslation(["components", "common"]);
  const navigate = useNavigate({ from: "/components" });
  const before = useQuery(componentQueries.content(path, from));
  const after = useQuery(componentQueries.content(path, to));
  const error = before.error ?? after.error;
  if (error) return <QueryFailure error={error} />;
  if (before.data === undefined || after.data === undefined) return <Loading label={t("common:loading")} />;
  return (
    <>
      <div className="flex items-center justify-between gap-2">
        <h3 className="font-medium">{t("comparing", { from: from.slice(0, 8), to: to.slice(0, 8) })}</h3>
        <Button
          size="small"
          onClick={() => navigate({ search: (search) => ({ ...search, from: undefined }), replace: true })}
        >
          <X /> {t("closeDiff")}
        </Button>
      </div>
      <CodeDiff
        before={before.data}
        after={after.data}
        beforeLabel={t("side", { path, hash: from })}
        afterLabel={t("side", { path, hash: to })}
        language="python"
      />
    </>
  );
}
