import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { type ExportRequest, exportQueries, type Preview } from "@/api/exports";
import { LossTable } from "@/components/exports/LossTable";
import { Card, CardTitle } from "@/components/ui/card";
import { Failure, Loading } from "@/components/ui/states";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { formatBytes, formatNumber } from "@/lib/format";

const PAUSE_MS = 400;

/** The preview of what the form says, asked for when one stops changing it. */
export function usePreview(request: ExportRequest | null) {
  const asked = useSettled(request);
  return useQuery({ ...exportQueries.preview(asked as ExportRequest), enabled: asked !== null });
}

function useSettled(request: ExportRequest | null): ExportRequest | null {
  const [settled, setSettled] = useState(request);
  const text = JSON.stringify(request);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as ExportRequest | null), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

interface ExportPreviewProps {
  isComplete: boolean;
  preview: ReturnType<typeof usePreview>;
}

/** How many items match, and what becomes of the first. */
export function ExportPreview({ isComplete, preview }: ExportPreviewProps) {
  const { t } = useTranslation("exports");
  const { t: common } = useTranslation();
  return (
    <Card aria-label={t("preview.title")} aria-busy={preview.isFetching} className="min-w-0">
      <CardTitle>{t("preview.title")}</CardTitle>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-3" aria-live="polite">
        {!isComplete && <p className="text-muted-foreground">{t("preview.wait")}</p>}
        {isComplete && preview.isPending && <Loading label={common("loading")} />}
        {isComplete && preview.isError && <Refused error={preview.error} />}
        {isComplete && preview.isSuccess && <Shown preview={preview.data} />}
      </div>
    </Card>
  );
}

function Refused({ error }: { error: Error }) {
  const { t } = useTranslation("exports");
  // What is wrong with a field stands at the field.
  if (error instanceof ApiError && Object.keys(error.fields).length > 0)
    return <p className="text-muted-foreground">{t("preview.refused")}</p>;
  return <Failure title={t("preview.refused")} message={error.message} />;
}

function Shown({ preview }: { preview: Preview }) {
  const { t, i18n } = useTranslation("exports");
  const files = preview.files ?? [];
  const count = formatNumber(preview.count, i18n.language);
  return (
    <>
      <p className="text-base font-medium">
        {t(preview.count === 1 ? "preview.count_one" : "preview.count_other", { count: count as never })}
      </p>
      {preview.count === 0 && <p className="text-muted-foreground">{t("preview.nothing")}</p>}
      {preview.item_name && <p className="text-muted-foreground">{t("preview.first", { name: preview.item_name })}</p>}
      {files[0] !== undefined && (
        <Tabs defaultValue={files[0].path} key={files[0].path}>
          <TabsList aria-label={t("preview.files")} className="overflow-x-auto">
            {files.map((file) => (
              <TabsTrigger key={file.path} value={file.path} className="font-mono text-xs whitespace-nowrap">
                {file.path}
              </TabsTrigger>
            ))}
          </TabsList>
          {files.map((file) => (
            <TabsContent key={file.path} value={file.path}>
              {file.text === null || file.text === undefined ? (
                <p className="text-muted-foreground">
                  {t("preview.binary", { size: formatBytes(file.size_bytes, i18n.language) })}
                </p>
              ) : (
                // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
                <pre tabIndex={0} className="max-h-96 overflow-auto rounded-md bg-muted/50 p-3 font-mono text-[13px]">
                  {file.text}
                </pre>
              )}
              {file.text && !file.is_whole && <p className="text-xs text-muted-foreground">{t("preview.cut")}</p>}
            </TabsContent>
          ))}
        </Tabs>
      )}
      {(preview.losses?.length ?? 0) > 0 && <LossTable label={t("preview.losses")} losses={preview.losses ?? []} />}
    </>
  );
}
