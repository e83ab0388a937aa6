import { Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Archive } from "@/api/exports";
import { Button } from "@/components/ui/button";
import { Card, CardTitle } from "@/components/ui/card";
import { Copyable } from "@/components/ui/copyable";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { formatBytes, formatTime } from "@/lib/format";

/** The finished archive: its link, its files and their checksums. */
export function ArchiveCard({ archive }: { archive: Archive }) {
  const { t, i18n } = useTranslation("exports");
  const { t: common } = useTranslation();
  const language = i18n.language;
  const hidden = archive.file_count - archive.files.length;
  return (
    <Card className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div className="min-w-0">
          <CardTitle className="mb-0 break-words">{archive.name}</CardTitle>
          <p className="text-xs text-muted-foreground">
            {t("one.until", {
              time: formatTime(archive.expires_at, language),
              kept: archive.kept_until ? formatTime(archive.kept_until, language) : "–",
            })}
          </p>
        </div>
        <Button asChild variant="primary">
          <a href={archive.url} download={archive.name}>
            <Download aria-hidden /> {t("one.download")} ({formatBytes(archive.size_bytes, language)})
          </a>
        </Button>
      </div>
      <div className="grid gap-1">
        <p className="text-xs text-muted-foreground">{t("one.sha256")}</p>
        <Copyable text={archive.sha256} label={common("copy")} doneLabel={common("copied")} />
      </div>
      <Table label={t("one.archive")}>
        <thead>
          <tr>
            <Th>{t("one.file")}</Th>
            <Th className="text-right">{t("one.size")}</Th>
            <Th>{t("one.checksum")}</Th>
          </tr>
        </thead>
        <tbody>
          {archive.files.map((file) => (
            <Tr key={file.path}>
              <Td className="font-mono text-[13px] break-all">{file.path}</Td>
              <Td className="text-right whitespace-nowrap tabular-nums">{formatBytes(file.size_bytes, language)}</Td>
              <Td className="font-mono text-xs text-muted-foreground" title={file.sha256}>
                {file.sha256.slice(0, 16)}…
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {hidden > 0 && <p className="text-xs text-muted-foreground">{t("one.moreFiles", { count: hidden })}</p>}
    </Card>
  );
}
