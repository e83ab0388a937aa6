import { Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { PluginRelease } from "@/api/plugins";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

export function ReleaseTable({ releases, chosenId }: { releases: PluginRelease[]; chosenId: number }) {
  const { t } = useTranslation("plugins");
  return (
    <Table label={t("releases.label")}>
      <thead>
        <tr>
          <Th>{t("releases.version")}</Th>
          <Th>{t("releases.created")}</Th>
          <Th>SHA-256</Th>
          <Th>
            <span className="sr-only">{t("releases.download")}</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {releases.map((release) => (
          <Tr key={release.id} className={release.id === chosenId ? "bg-muted/60" : undefined}>
            <Td>
              <Link
                to="/plugins/$code"
                params={{ code: release.plugin_code }}
                search={{ version: release.version }}
                aria-current={release.id === chosenId ? "true" : undefined}
                className="mr-2 font-medium text-primary hover:underline"
              >
                {release.version}
              </Link>
              {release.is_debug && <Badge tone="warning">{t("releases.debug")}</Badge>}
            </Td>
            <Td>
              <When iso={release.created} />
            </Td>
            <Td className="font-mono text-xs" title={release.sha256}>
              {release.sha256.slice(0, 16)}…
            </Td>
            <Td className="text-right">
              {release.url && (
                <Button asChild size="small">
                  <a href={release.url} download aria-label={t("releases.downloadOne", { version: release.version })}>
                    <Download aria-hidden /> {t("releases.download")}
                  </a>
                </Button>
              )}
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
