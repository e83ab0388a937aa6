import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { exportQueries } from "@/api/exports";
import { type Dataset, truthQueries } from "@/api/truth";
import { QueryFailure } from "@/components/QueryFailure";
import { SearchBox } from "@/components/SearchBox";
import { CreateDatasetDialog } from "@/components/truth/CreateDatasetDialog";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

const route = getRouteApi("/shell/ground-truth");

/** Ground truth data sets of all projects. */
export function GroundTruthView() {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const filters = route.useSearch();
  const [isMaking, setIsMaking] = useState(false);
  const datasets = useInfiniteQuery(truthQueries.datasets(filters));
  const make = (
    <Button variant="primary" onClick={() => setIsMaking(true)}>
      <Plus aria-hidden /> {t("list.new")}
    </Button>
  );
  return (
    <Page title={common("nav.truth")} description={t("list.description")} actions={make}>
      <Filters />
      {datasets.isPending && <Loading label={common("loading")} />}
      {datasets.isError && <QueryFailure error={datasets.error} onRetry={() => datasets.refetch()} />}
      {datasets.data?.length === 0 && <NoDatasets />}
      {datasets.data !== undefined && datasets.data.length > 0 && <DatasetTable datasets={datasets.data} />}
      {datasets.hasNextPage && (
        <Button
          onClick={() => datasets.fetchNextPage()}
          disabled={datasets.isFetchingNextPage}
          className="justify-self-center"
        >
          {common("more")}
        </Button>
      )}
      {isMaking && <CreateDatasetDialog project={filters.project} onClose={() => setIsMaking(false)} />}
    </Page>
  );
}

function Filters() {
  const { t } = useTranslation("truth");
  const { project, search } = route.useSearch();
  const navigate = route.useNavigate();
  const projects = useQuery(exportQueries.projects());
  const setSearch = useCallback(
    (words: string | undefined) => navigate({ search: (before) => ({ ...before, search: words }), replace: true }),
    [navigate],
  );
  return (
    <div className="flex flex-wrap gap-3">
      <SearchBox label={t("list.search")} value={search} onChange={setSearch} />
      <Select
        aria-label={t("list.project")}
        value={project ?? ""}
        className="w-auto min-w-48"
        onChange={(event) => {
          const next = event.target.value ? Number(event.target.value) : undefined;
          void navigate({ search: (before) => ({ ...before, project: next }), replace: true });
        }}
      >
        <option value="">
          {t("list.project")}: {t("list.any")}
        </option>
        {projects.data?.map((each) => (
          <option key={each.id} value={each.id}>
            {each.name}
          </option>
        ))}
      </Select>
    </div>
  );
}

function NoDatasets() {
  const { t } = useTranslation("truth");
  const { project, search } = route.useSearch();
  if (project === undefined && search === undefined) return <Empty title={t("list.none")}>{t("list.noneHint")}</Empty>;
  return (
    <Empty
      title={t("list.noneOfThese")}
      action={
        <Button asChild>
          <Link to="/ground-truth" search={{}}>
            {t("list.clear")}
          </Link>
        </Button>
      }
    />
  );
}

function DatasetTable({ datasets }: { datasets: Dataset[] }) {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const projects = useQuery(exportQueries.projects());
  const names = new Map(projects.data?.map((each) => [each.id, each.name]));
  return (
    <Table label={common("nav.truth")}>
      <thead>
        <tr>
          <Th>{t("list.name")}</Th>
          <Th>{t("list.project")}</Th>
          <Th>{t("list.about")}</Th>
          <Th>{t("list.created")}</Th>
        </tr>
      </thead>
      <tbody>
        {datasets.map((dataset) => (
          <Tr key={dataset.id}>
            <Td>
              <Link
                to="/ground-truth/$datasetId"
                params={{ datasetId: String(dataset.id) }}
                className="font-medium text-primary hover:underline"
              >
                {dataset.name}
              </Link>
            </Td>
            <Td>{names.get(dataset.project_id) ?? dataset.project_id}</Td>
            <Td className="max-w-md truncate text-muted-foreground" title={dataset.description}>
              {dataset.description}
            </Td>
            <Td>
              <When iso={dataset.created} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
