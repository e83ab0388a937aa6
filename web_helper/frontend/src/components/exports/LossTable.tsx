import { useTranslation } from "react-i18next";
import type { Loss } from "@/api/exports";
import { Table, Td, Th, Tr } from "@/components/ui/table";

/** What a format could not carry as it was. */
export function LossTable({ label, losses }: { label: string; losses: Loss[] }) {
  const { t } = useTranslation("exports");
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-2">
      <h3 className="font-medium">{label}</h3>
      <Table label={label}>
        <thead>
          <tr>
            <Th>{t("report.item")}</Th>
            <Th>{t("report.annotation")}</Th>
            <Th>{t("report.reason")}</Th>
          </tr>
        </thead>
        <tbody>
          {losses.map((loss, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a list that never changes, whose entries may repeat.
            <Tr key={at}>
              <Td className="tabular-nums">{loss.item_id}</Td>
              <Td>{loss.annotation_id ?? "–"}</Td>
              <Td className="break-words">
                {loss.message}
                <span className="ml-2 font-mono text-xs text-muted-foreground">{loss.reason_code}</span>
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}
