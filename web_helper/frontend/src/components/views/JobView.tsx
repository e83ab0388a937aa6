import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { agentQueries } from "@/api/agents";
import { type Job, jobQueries } from "@/api/jobs";
import { JobActions } from "@/components/jobs/JobActions";
import { JobConsole } from "@/components/jobs/JobConsole";
import { JobEvents } from "@/components/jobs/JobEvents";
import { JobMetrics } from "@/components/jobs/JobMetrics";
import { JobProgress } from "@/components/jobs/JobProgress";
import { JobStatusBadge } from "@/components/jobs/JobStatusBadge";
import { QueryFailure } from "@/components/QueryFailure";
import { Page } from "@/components/ui/page";
import { Failure, Loading } from "@/components/ui/states";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { When } from "@/components/When";

const route = getRouteApi("/shell/jobs/$jobId");
const JOB_TABS = ["log", "metrics", "events", "parameters"] as const;

/** One run: what it prints and measures, with what it was started, how it ended. */
export function JobView() {
  const { t } = useTranslation("jobs");
  const { t: common } = useTranslation();
  const { jobId } = route.useParams();
  const job = useQuery(jobQueries.one(jobId));
  if (job.data !== undefined) return <JobPage job={job.data} />;
  return (
    <Page title={t("one.title")}>
      {job.isError ? (
        <QueryFailure error={job.error} onRetry={() => job.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
    </Page>
  );
}

function JobPage({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const { tab = "log" } = route.useSearch();
  const navigate = route.useNavigate();
  const isStopping = job.status === "RUNNING" && job.stop_requested_at !== null;
  return (
    <Page
      title={
        <span className="flex flex-wrap items-center gap-3">
          {job.action}
          <JobStatusBadge status={job.status} isStopping={isStopping} />
        </span>
      }
      description={<JobFacts job={job} />}
      actions={<JobActions job={job} />}
    >
      <JobProgress job={job} />
      {job.error && <Failure title={t("one.failed")} message={job.error} reference={job.exit_kind ?? undefined} />}
      <Tabs
        value={tab}
        onValueChange={(next) => navigate({ search: { tab: next as (typeof JOB_TABS)[number] }, replace: true })}
      >
        <TabsList aria-label={t("one.parts")}>
          {JOB_TABS.map((name) => (
            <TabsTrigger key={name} value={name}>
              {t(`one.${name}`)}
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value="log">
          <JobConsole job={job} />
        </TabsContent>
        <TabsContent value="metrics">
          <JobMetrics job={job} />
        </TabsContent>
        <TabsContent value="events">
          <JobEvents job={job} />
        </TabsContent>
        <TabsContent value="parameters" className="grid grid-cols-1 gap-4 lg:grid-cols-2">
          <JsonBlock title={t("one.params")} value={job.params} />
          <JsonBlock title={t("one.result")} value={job.result} />
        </TabsContent>
      </Tabs>
    </Page>
  );
}

function JobFacts({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const agents = useQuery(agentQueries.list());
  const agent = agents.data?.find((each) => each.id === job.agent_id);
  return (
    <span className="flex flex-wrap gap-x-4 gap-y-1">
      {job.plugin_code && (
        <Link
          to="/plugins/$code"
          params={{ code: job.plugin_code }}
          search={{ version: job.version ?? undefined }}
          className="text-primary hover:underline"
        >
          {job.plugin_code}@{job.version}
        </Link>
      )}
      <span>{agent ? t("one.onAgent", { name: agent.name }) : job.agent_id === null && t("list.noAgent")}</span>
      <span>
        {t("one.created")} <When iso={job.created} />
      </span>
      {job.finished && (
        <span>
          {t("one.finished")} <When iso={job.finished} />
        </span>
      )}
      <span className="font-mono text-xs">{job.id}</span>
    </span>
  );
}

function JsonBlock({ title, value }: { title: string; value: unknown }) {
  return (
    <section className="grid min-w-0 content-start gap-2">
      <h2 className="font-semibold">{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard. */}
      <pre className="max-h-[60vh] overflow-auto rounded-lg border bg-card p-3 font-mono text-[13px]" tabIndex={0}>
        {value === null || value === undefined ? "–" : JSON.stringify(value, null, 2)}
      </pre>
    </section>
  );
}
