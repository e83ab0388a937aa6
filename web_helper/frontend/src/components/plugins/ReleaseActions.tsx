import { Play } from "lucide-react";
import { useTranslation } from "react-i18next";
import { actionsOf, type PluginRelease } from "@/api/plugins";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";

/** What a release can do. A served action is not run: its deployment is. */
export function ReleaseActions({ release, onRun }: { release: PluginRelease; onRun: (action: string) => void }) {
  const { t } = useTranslation("plugins");
  const actions = actionsOf(release);
  if (actions.length === 0) return <Empty title={t("actions.none")}>{t("actions.noneHint")}</Empty>;
  return (
    <Table label={t("actions.label")}>
      <thead>
        <tr>
          <Th>{t("actions.name")}</Th>
          <Th>{t("actions.method")}</Th>
          <Th>{t("actions.description")}</Th>
          <Th>
            <span className="sr-only">{t("actions.run")}</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {actions.map(([name, section]) => (
          <Tr key={name}>
            <Td className="font-medium">{section.name ?? name}</Td>
            <Td>
              <Badge>{section.method ?? "–"}</Badge>
            </Td>
            <Td className="max-w-xl text-muted-foreground">{section.description || section.entrypoint}</Td>
            <Td className="text-right">
              {section.method !== "serve" && (
                <Button size="small" aria-label={t("actions.runOne", { name })} onClick={() => onRun(name)}>
                  <Play aria-hidden /> {t("actions.run")}
                </Button>
              )}
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
