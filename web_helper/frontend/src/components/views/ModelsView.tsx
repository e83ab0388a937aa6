import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import { deleteModel, type Model, modelQueries } from "@/api/models";
import { QueryFailure } from "@/components/QueryFailure";
import { RemoveButton } from "@/components/RemoveButton";
import { SearchBox } from "@/components/SearchBox";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

const route = getRouteApi("/shell/models");

/** Models that runs have made, and what made each. */
export function ModelsView() {
  const { t } = useTranslation("models");
  const { t: common } = useTranslation();
  const { search } = route.useSearch();
  const navigate = route.useNavigate();
  const models = useInfiniteQuery(modelQueries.list(search));
  return (
    <Page title={common("nav.models")} description={t("description")}>
      <SearchBox
        label={t("search")}
        value={search}
        onChange={(next) => navigate({ search: { search: next }, replace: true })}
      />
      {models.isPending && <Loading label={common("loading")} />}
      {models.isError && <QueryFailure error={models.error} onRetry={() => models.refetch()} />}
      {models.data?.length === 0 &&
        (search === undefined ? (
          <Empty title={t("none")}>
            <p>{t("noneHint")}</p>
            <code>self.create_model("weights.pt", name="My model")</code>
          </Empty>
        ) : (
          <Empty title={t("notFound", { search })} />
        ))}
      {models.data !== undefined && models.data.length > 0 && <ModelTable models={models.data} />}
      {models.hasNextPage && (
        <Button onClick={() => models.fetchNextPage()} className="justify-self-center">
          {common("more")}
        </Button>
      )}
    </Page>
  );
}

function ModelTable({ models }: { models: Model[] }) {
  const { t } = useTranslation("models");
  const { t: common } = useTranslation();
  const ids = [...new Set(models.flatMap((model) => model.plugin_release_id ?? []))].sort((one, other) => one - other);
  const makers = useQuery(modelQueries.makers(ids));
  return (
    <Table label={common("nav.models")}>
      <thead>
        <tr>
          <Th>{t("name")}</Th>
          <Th>{t("madeBy")}</Th>
          <Th>{t("weights")}</Th>
          <Th>{t("created")}</Th>
          <Th>
            <span className="sr-only">{t("actions")}</span>
          </Th>
        </tr>
      </thead>
      <tbody>
        {models.map((model) => (
          <Tr key={model.id}>
            <Td>
              <span className="font-medium">{model.name}</span>
              {model.version && <span className="ml-2 text-muted-foreground">{model.version}</span>}
              <Metadata model={model} />
            </Td>
            <Td>
              <Maker maker={makers.data?.get(model.plugin_release_id ?? -1)} />
            </Td>
            <Td className="font-mono text-xs" title={model.sha256 ?? undefined}>
              {model.sha256 ? `${model.sha256.slice(0, 16)}…` : "–"}
            </Td>
            <Td>
              <When iso={model.created} />
            </Td>
            <Td>
              <ModelActions model={model} />
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function Maker({ maker }: { maker: { plugin_code: string; version: string } | undefined }) {
  if (maker === undefined) return <>–</>;
  return (
    <Link
      to="/plugins/$code"
      params={{ code: maker.plugin_code }}
      search={{ version: maker.version }}
      className="text-primary hover:underline"
    >
      {maker.plugin_code}@{maker.version}
    </Link>
  );
}

function Metadata({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  if (Object.keys(model.metadata).length === 0) return null;
  return (
    <details>
      <summary className="cursor-pointer text-xs text-muted-foreground">{t("metadata")}</summary>
      <pre className="mt-1 max-w-xl overflow-auto font-mono text-xs whitespace-pre-wrap">
        {JSON.stringify(model.metadata, null, 2)}
      </pre>
    </details>
  );
}

function ModelActions({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteModel(model.id),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: modelQueries.all }),
  });
  return (
    <div className="flex justify-end gap-1">
      {model.url && (
        <Button asChild size="small">
          <a href={model.url} download aria-label={t("downloadOne", { name: model.name })}>
            <Download aria-hidden /> {t("download")}
          </a>
        </Button>
      )}
      <RemoveButton
        label={t("deleteOne", { name: model.name })}
        question={t("question", { name: model.name })}
        description={t("questionText")}
        error={remove.error}
        onRemove={() => remove.mutate()}
      />
    </div>
  );
}
