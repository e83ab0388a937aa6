import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Version } from "@/api/truth";
import { Button } from "@/components/ui/button";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";
import { formatNumber } from "@/lib/format";

interface VersionTableProps {
  /** The newest first. */
  versions: Version[];
  onCompare: (version: number, since: number) => void;
}

/** Released versions, each with its export and what changed since the one before. */
export function VersionTable({ versions, onCompare }: VersionTableProps) {
  const { t, i18n } = useTranslation("truth");
  return (
    <Table label={t("one.versions")}>
      <thead>
        <tr>
          <Th>{t("one.version")}</Th>
          <Th>{t("one.note")}</Th>
          <Th className="text-right">{t("one.items")}</Th>
          <Th>{t("one.released")}</Th>
          <Th>
            <span className="sr-only">{t("one.export")}</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {versions.map((version, at) => {
          const before = versions[at + 1];
          return (
            <Tr key={version.id}>
              <Td className="font-medium break-words">{version.name}</Td>
              <Td className="max-w-md break-words text-muted-foreground">{version.description}</Td>
              <Td className="text-right tabular-nums">{formatNumber(version.event_count, i18n.language)}</Td>
              <Td>
                <When iso={version.created} />
              </Td>
              <Td>
                <div className="flex justify-end gap-2">
                  {before !== undefined && (
                    <Button
                      size="small"
                      aria-label={t("one.compareVersion", { name: version.name })}
                      onClick={() => onCompare(version.id, before.id)}
                    >
                      {t("one.compare")}
                    </Button>
                  )}
                  <Button asChild size="small">
                    <Link
                      to="/exports"
                      search={{ new: true, target: "ground_truth", version: version.id }}
                      aria-label={t("one.exportVersion", { name: version.name })}
                    >
                      {t("one.export")}
                    </Link>
                  </Button>
                </div>
              </Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}
