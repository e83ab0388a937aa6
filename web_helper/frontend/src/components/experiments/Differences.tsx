import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Difference } from "@/api/experiments";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { roundedApart } from "@/lib/format";

interface DifferencesProps {
  title: string;
  differences: readonly Difference[];
  /** Then both sides are versions, and can be looked at beside each other. */
  areComponents?: boolean;
  /** Then numbers are shown with as many digits as tell them apart; pointing at one shows all. */
  areMetrics?: boolean;
}

export function Differences({ title, differences, areComponents = false, areMetrics = false }: DifferencesProps) {
  const { t } = useTranslation("experiments");
  if (differences.length === 0) return <p className="text-muted-foreground">{t("compare.same")}</p>;
  return (
    <Table label={title} className="table-fixed">
      <thead>
        <tr>
          <Th className="w-1/3">{t("compare.key")}</Th>
          <Th>{t("compare.a")}</Th>
          <Th>{t("compare.b")}</Th>
        </tr>
      </thead>
      <tbody>
        {differences.map(({ key, a, b }) => (
          <Tr key={key}>
            <th scope="row" className="px-3 py-2 text-left align-top font-medium break-words">
              {key}
              {areComponents && typeof a === "string" && typeof b === "string" && (
                <Link
                  to="/components"
                  search={{ path: key, from: a, hash: b }}
                  aria-label={`${t("compare.diff")}: ${key}`}
                  className="block text-xs font-normal text-primary underline-offset-4 hover:underline"
                >
                  {t("compare.diff")}
                </Link>
              )}
            </th>
            <Side value={a} other={b} isMetric={areMetrics} />
            <Side value={b} other={a} isMetric={areMetrics} />
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

interface SideProps {
  value: Difference["a"];
  other: Difference["a"];
  isMetric: boolean;
}

function Side({ value, other, isMetric }: SideProps) {
  const { t } = useTranslation("experiments");
  const exact = textOf(value);
  const shown = isMetric ? textOf(roundedApart(value, other)(value)) : exact;
  return (
    <Td
      className="align-top font-mono text-[13px] break-words"
      title={shown === exact ? undefined : (exact ?? undefined)}
    >
      {shown ?? t("compare.none")}
    </Td>
  );
}

function textOf(value: Difference["a"]): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
