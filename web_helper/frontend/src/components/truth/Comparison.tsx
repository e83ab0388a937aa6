import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { CHANGE_KINDS, type ChangeKind, type Difference, truthQueries, type Version } from "@/api/truth";
import { QueryFailure } from "@/components/QueryFailure";
import { ChangeList } from "@/components/truth/ChangeList";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { formatNumber } from "@/lib/format";

export interface Pair {
  version?: number | undefined;
  since?: number | undefined;
  kind?: ChangeKind | undefined;
}

interface ComparisonProps {
  versions: Version[];
  pair: Pair;
  onChange: (pair: Pair) => void;
}

/** What changed from one version to a later one. */
export function Comparison({ versions, pair, onChange }: ComparisonProps) {
  const { t } = useTranslation("truth");
  const { version, since } = pair;
  const older = versions.filter((each) => version === undefined || each.id < version);
  const newer = versions.filter((each) => since === undefined || each.id > since);
  return (
    <section aria-labelledby="what-changed" className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <h2 id="what-changed" className="text-base font-semibold">
        {t("compare.title")}
      </h2>
      <div className="flex flex-wrap gap-3">
        <VersionSelect
          label={t("compare.from")}
          versions={older}
          value={since}
          onChange={(id) => onChange({ ...pair, since: id })}
        />
        <VersionSelect
          label={t("compare.to")}
          versions={newer}
          value={version}
          onChange={(id) => onChange({ ...pair, version: id })}
        />
      </div>
      {version !== undefined && since !== undefined ? (
        <Differences version={version} since={since} kind={pair.kind} onKind={(kind) => onChange({ ...pair, kind })} />
      ) : (
        <p className="text-muted-foreground">{t("compare.choose")}</p>
      )}
    </section>
  );
}

interface VersionSelectProps {
  label: string;
  versions: Version[];
  value: number | undefined;
  onChange: (id: number | undefined) => void;
}

function VersionSelect({ label, versions, value, onChange }: VersionSelectProps) {
  return (
    <Field label={label}>
      <Select
        value={value ?? ""}
        className="min-w-40"
        onChange={(event) => onChange(event.target.value ? Number(event.target.value) : undefined)}
      >
        <option value="">–</option>
        {versions.map((version) => (
          <option key={version.id} value={version.id}>
            {version.name}
          </option>
        ))}
      </Select>
    </Field>
  );
}

interface DifferencesProps {
  version: number;
  since: number;
  kind: ChangeKind | undefined;
  onKind: (kind: ChangeKind) => void;
}

function Differences({ version, since, kind, onKind }: DifferencesProps) {
  const { t, i18n } = useTranslation("truth");
  const { t: common } = useTranslation();
  const difference = useQuery(truthQueries.difference(version, since));
  if (difference.isPending) return <Loading label={common("loading")} />;
  if (difference.isError) return <QueryFailure error={difference.error} onRetry={() => difference.refetch()} />;
  const counts = difference.data;
  const shown = kind ?? CHANGE_KINDS.find((each) => counts[each] > 0) ?? "added";
  return (
    <>
      <p className="text-muted-foreground">
        {t("compare.unchanged")}: {formatNumber(counts.unchanged, i18n.language)}
      </p>
      <ClassTable difference={counts} />
      <Tabs value={shown} onValueChange={(next) => onKind(next as ChangeKind)}>
        <TabsList aria-label={t("compare.kinds")}>
          {CHANGE_KINDS.map((each) => (
            <TabsTrigger key={each} value={each}>
              {t(`compare.${each}`)} ({formatNumber(counts[each], i18n.language)})
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value={shown}>
          <ChangeList version={version} since={since} kind={shown} />
        </TabsContent>
      </Tabs>
    </>
  );
}

function ClassTable({ difference }: { difference: Difference }) {
  const { t, i18n } = useTranslation("truth");
  const classes = Object.entries(difference.classes);
  if (classes.length === 0) return null;
  const show = (value: number) => formatNumber(value, i18n.language);
  return (
    <div className="grid max-w-2xl gap-1.5">
      <h3 className="font-medium">{t("compare.classes")}</h3>
      <Table label={t("compare.classes")}>
        <thead>
          <tr>
            <Th>{t("compare.class")}</Th>
            <Th className="text-right">{t("compare.before")}</Th>
            <Th className="text-right">{t("compare.after")}</Th>
            <Th className="text-right">{t("compare.difference")}</Th>
          </tr>
        </thead>
        <tbody>
          {classes.map(([name, { before = 0, after = 0 }]) => (
            <Tr key={name}>
              <Td className="break-words">{name}</Td>
              <Td className="text-right tabular-nums">{show(before)}</Td>
              <Td className="text-right tabular-nums">{show(after)}</Td>
              <Td className="text-right tabular-nums">
                {after > before ? "+" : ""}
                {show(after - before)}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {!difference.is_whole && (
        <p className="text-xs text-muted-foreground">{t("compare.partial", { count: difference.counted })}</p>
      )}
    </div>
  );
}
