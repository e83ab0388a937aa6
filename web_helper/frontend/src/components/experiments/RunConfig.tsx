import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { experimentQueries } from "@/api/experiments";
import { CodeView } from "@/components/code/CodeView";
import { QueryFailure } from "@/components/QueryFailure";
import { Loading } from "@/components/ui/states";

/** The config of this one run, and the file that was submitted. */
export function RunConfig({ uid }: { uid: string }) {
  const { t } = useTranslation(["experiments", "common"]);
  const found = useQuery(experimentQueries.config(uid));
  if (found.error) return <QueryFailure error={found.error} onRetry={() => found.refetch()} />;
  if (!found.data) return <Loading label={t("common:loading")} />;
  const { config, submitted, file } = found.data;
  return (
    <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
      <section className="grid content-start gap-1">
        <h2 className="text-xs font-medium text-muted-foreground">{t("detail.download")}</h2>
        <CodeView label={t("detail.download")} code={config} language="yaml" className="max-h-[60vh]" />
      </section>
      <section className="grid content-start gap-1">
        <h2 className="text-xs font-medium text-muted-foreground">
          {t("detail.asSubmitted")}: {file}
        </h2>
        <CodeView label={t("detail.asSubmitted")} code={submitted} language="yaml" className="max-h-[60vh]" />
      </section>
    </div>
  );
}
