import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { agentQueries } from "@/api/agents";
import { type Job, type JobFilters, jobQueries } from "@/api/jobs";
import { JobFilterBar } from "@/components/jobs/JobFilterBar";
import { JobStatusBadge } from "@/components/jobs/JobStatusBadge";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";
import { formatDuration } from "@/lib/format";

const route = getRouteApi("/shell/jobs");

/** Runs of plugins: what runs, what ran, and how it ended. */
export function JobsView() {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  const filters = route.useSearch();
  const navigate = route.useNavigate();
  const jobs = useInfiniteQuery(jobQueries.list(filters));
  const narrow = (change: Partial<JobFilters>) =>
    navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  return (
    <Page title={common("nav.jobs")} description={t("list.description")}>
      <JobFilterBar filters={filters} onChange={narrow} />
      {jobs.isPending && <Loading label={common("loading")} />}
      {jobs.isError && <QueryFailure error={jobs.error} onRetry={() => jobs.refetch()} />}
      {jobs.data?.length === 0 && <NoJobs isFiltered={Object.values(filters).some((value) => value !== undefined)} />}
      {jobs.data !== undefined && jobs.data.length > 0 && <JobTable jobs={jobs.data} />}
      {jobs.hasNextPage && (
        <Button onClick={() => jobs.fetchNextPage()} disabled={jobs.isFetchingNextPage} className="justify-self-center">
          {common("more")}
        </Button>
      )}
    </Page>
  );
}

function NoJobs({ isFiltered }: { isFiltered: boolean }) {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  if (isFiltered)
    return (
      <Empty
        title={t("list.noneOfThese")}
        action={
          <Button asChild>
            <Link to="/jobs" search={{}}>
              {t("list.clear")}
            </Link>
          </Button>
        }
      />
    );
  return (
    <Empty
      title={t("list.none")}
      action={
        <Button asChild variant="primary">
          <Link to="/plugins">{t("list.toPlugins")}</Link>
        </Button>
      }
    >
      <p className="mb-3">{t("list.noneHint")}</p>
      <Copyable
        text="synapse plugin run ACTION --mode remote --plugin CODE"
        label={common("copy")}
        doneLabel={common("copied")}
      />
    </Empty>
  );
}

function JobTable({ jobs }: { jobs: Job[] }) {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  const agents = useQuery(agentQueries.list());
  const names = new Map(agents.data?.map((agent) => [agent.id, agent.name]));
  return (
    <Table label={common("nav.jobs")}>
      <thead>
        <tr>
          <Th>{t("list.status")}</Th>
          <Th>{t("list.action")}</Th>
          <Th>{t("list.plugin")}</Th>
          <Th>{t("list.agent")}</Th>
          <Th>{t("list.created")}</Th>
          <Th>{t("list.duration")}</Th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <Tr key={job.id}>
            <Td>
              <JobStatusBadge
                status={job.status}
                isStopping={job.status === "RUNNING" && job.stop_requested_at !== null}
              />
            </Td>
            <Td>
              <Link to="/jobs/$jobId" params={{ jobId: job.id }} className="font-medium text-primary hover:underline">
                {job.action}
              </Link>
              <span className="ml-2 font-mono text-xs text-muted-foreground">{job.id.slice(0, 8)}</span>
              {job.error && (
                <p className="max-w-md truncate text-xs text-danger" title={job.error}>
                  {job.error}
                </p>
              )}
            </Td>
            <Td>{job.plugin_code ? `${job.plugin_code}@${job.version}` : "–"}</Td>
            <Td>{job.agent_id === null ? t("list.noAgent") : (names.get(job.agent_id) ?? job.agent_id)}</Td>
            <Td>
              <When iso={job.created} />
            </Td>
            <Td className="whitespace-nowrap tabular-nums">{durationOf(job)}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function durationOf({ started, finished }: Job): string {
  if (started === null) return "–";
  const end = finished === null ? Date.now() : Date.parse(finished);
  return formatDuration((end - Date.parse(started)) / 1000);
}
