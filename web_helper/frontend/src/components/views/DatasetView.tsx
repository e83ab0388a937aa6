import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Download, Tag } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { collectInto, type Dataset, truthQueries } from "@/api/truth";
import { QueryFailure } from "@/components/QueryFailure";
import { Comparison, type Pair } from "@/components/truth/Comparison";
import { ReleaseDialog } from "@/components/truth/ReleaseDialog";
import { VersionTable } from "@/components/truth/VersionTable";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/ground-truth/$datasetId");

/** One data set: collecting, releasing, its versions and what changed between them. */
export function DatasetView() {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const { datasetId } = route.useParams();
  const dataset = useQuery(truthQueries.dataset(Number(datasetId)));
  if (dataset.data !== undefined) return <DatasetPage dataset={dataset.data} />;
  return (
    <Page title={t("one.title")}>
      {dataset.isError ? (
        <QueryFailure error={dataset.error} onRetry={() => dataset.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
    </Page>
  );
}

function DatasetPage({ dataset }: { dataset: Dataset }) {
  const { t } = useTranslation("truth");
  const { t: common } = useTranslation();
  const pair = route.useSearch();
  const navigate = route.useNavigate();
  const [isReleasing, setIsReleasing] = useState(false);
  const versions = useQuery(truthQueries.versions(dataset.id));
  const compare = (next: Pair) => void navigate({ search: next, replace: true, resetScroll: false });
  return (
    <Page
      title={dataset.name}
      description={dataset.description}
      actions={
        <>
          <CollectButton dataset={dataset.id} />
          <Button variant="primary" onClick={() => setIsReleasing(true)}>
            <Tag aria-hidden /> {t("one.release")}
          </Button>
        </>
      }
    >
      {versions.isPending && <Loading label={common("loading")} />}
      {versions.isError && <QueryFailure error={versions.error} onRetry={() => versions.refetch()} />}
      {versions.data?.length === 0 && <Empty title={t("one.noVersions")}>{t("one.noVersionsHint")}</Empty>}
      {versions.data !== undefined && versions.data.length > 0 && (
        <VersionTable versions={versions.data} onCompare={(version, since) => compare({ version, since })} />
      )}
      {versions.data !== undefined && versions.data.length > 1 && (
        <Comparison versions={versions.data} pair={pair} onChange={compare} />
      )}
      {isReleasing && <ReleaseDialog dataset={dataset.id} onClose={() => setIsReleasing(false)} />}
    </Page>
  );
}

function CollectButton({ dataset }: { dataset: number }) {
  const { t } = useTranslation("truth");
  const queryClient = useQueryClient();
  const collect = useMutation({
    mutationFn: () => collectInto(dataset),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: truthQueries.all }),
  });
  return (
    <div className="grid justify-items-end gap-1">
      <Button onClick={() => collect.mutate()} disabled={collect.isPending} title={t("one.collectHint")}>
        <Download aria-hidden /> {t("one.collect")}
      </Button>
      {collect.isSuccess && (
        <p role="status" className="text-xs text-muted-foreground">
          {t("one.collected", { ...collect.data })}
        </p>
      )}
      {collect.isError && (
        <p role="alert" className="text-xs text-danger">
          {collect.error.message}
        </p>
      )}
    </div>
  );
}
