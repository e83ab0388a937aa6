import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { EXPORT_STATUSES, type ExportStatus, exportQueries, paramsOf } from "@/api/exports";
import { draftOf, EMPTY_DRAFT } from "@/components/exports/draft";
import { ExportForm } from "@/components/exports/ExportForm";
import { ExportTable } from "@/components/exports/ExportTable";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/exports");

/** Exports: a form with a preview, and the history. */
export function ExportsView() {
  const { t } = useTranslation("exports");
  const { t: common } = useTranslation();
  const { new: isNew } = route.useSearch();
  return (
    <Page title={common("nav.exports")} description={t("list.description")} actions={!isNew && <NewExport />}>
      {isNew ? <NewForm /> : <History />}
    </Page>
  );
}

function History() {
  const { t: common } = useTranslation();
  const { status, project } = route.useSearch();
  const jobs = useInfiniteQuery(exportQueries.list({ status, project }));
  const projects = useQuery(exportQueries.projects());
  const names = new Map(projects.data?.map((each) => [each.id, each.name]));
  return (
    <>
      <Filters />
      {jobs.isPending && <Loading label={common("loading")} />}
      {jobs.isError && <QueryFailure error={jobs.error} onRetry={() => jobs.refetch()} />}
      {jobs.data?.length === 0 && <NoExports />}
      {jobs.data !== undefined && jobs.data.length > 0 && <ExportTable jobs={jobs.data} projects={names} />}
      {jobs.hasNextPage && (
        <Button onClick={() => jobs.fetchNextPage()} disabled={jobs.isFetchingNextPage} className="justify-self-center">
          {common("more")}
        </Button>
      )}
    </>
  );
}

function NewExport() {
  const { t } = useTranslation("exports");
  const search = route.useSearch();
  return (
    <Button asChild variant="primary">
      <Link to="/exports" search={{ ...search, new: true }}>
        <Plus aria-hidden /> {t("list.new")}
      </Link>
    </Button>
  );
}

/** The form, once what it begins with is known. */
function NewForm() {
  const { t: common } = useTranslation();
  const { from, project, target, version } = route.useSearch();
  const navigate = route.useNavigate();
  const before = useQuery({ ...exportQueries.one(from ?? ""), enabled: from !== undefined });
  const close = () =>
    navigate({ search: ({ new: _new, from: _from, target: _target, version: _version, ...rest }) => rest });
  if (from !== undefined && before.isPending) return <Loading label={common("loading")} />;
  // A form that is there stays, with what was written into it, when a later look fails.
  if (before.isError && before.data === undefined)
    return <QueryFailure error={before.error} onRetry={() => before.refetch()} />;
  const initial = before.data
    ? draftOf(paramsOf(before.data))
    : { ...EMPTY_DRAFT, project, version, target: target ?? EMPTY_DRAFT.target };
  return <ExportForm key={`${from} ${target} ${version}`} initial={initial} onClose={close} />;
}

function Filters() {
  const { t } = useTranslation("exports");
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const projects = useQuery(exportQueries.projects());
  return (
    <search className="flex flex-wrap gap-3">
      <Field label={t("list.status")}>
        <Select
          value={search.status ?? ""}
          onChange={(event) =>
            navigate({
              search: (all) => ({ ...all, status: (event.target.value || undefined) as ExportStatus | undefined }),
              replace: true,
            })
          }
        >
          <option value="">{t("list.any")}</option>
          {EXPORT_STATUSES.map((status) => (
            <option key={status} value={status}>
              {t(`status.${status}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("list.project")}>
        <Select
          value={search.project ?? ""}
          onChange={(event) =>
            navigate({
              search: (all) => ({ ...all, project: event.target.value ? Number(event.target.value) : undefined }),
              replace: true,
            })
          }
        >
          <option value="">{t("list.any")}</option>
          {projects.data?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
      </Field>
    </search>
  );
}

function NoExports() {
  const { t } = useTranslation("exports");
  const { t: common } = useTranslation();
  const { status, project } = route.useSearch();
  if (status !== undefined || project !== undefined)
    return (
      <Empty
        title={t("list.noneOfThese")}
        action={
          <Button asChild>
            <Link to="/exports" search={{}}>
              {t("list.clear")}
            </Link>
          </Button>
        }
      />
    );
  return (
    <Empty title={t("list.none")} action={<NewExport />}>
      <p className="mb-3">{t("list.noneHint")}</p>
      <Copyable
        text="synapse export --project NAME --format coco --out ./out"
        label={common("copy")}
        doneLabel={common("copied")}
      />
    </Empty>
  );
}
