/** Served models: applications, and how much of each agent they hold. */
import { queryOptions } from "@tanstack/react-query";
import type { Agent } from "@/api/agents";
import { api, type Schemas, unwrap } from "@/api/client";

export type ServeApplication = Schemas["ServeApplication"];
export type ServeStatus = Schemas["ServeStatus"];

const [LIVE_MS, CALM_MS, PER_PAGE] = [3_000, 10_000, 200];
const MOVING: ReadonlySet<ServeStatus> = new Set(["NOT_STARTED", "DEPLOYING", "DELETING"]);
const HOLDS_NOTHING: ReadonlySet<ServeStatus> = new Set(["DEPLOY_FAILED", "UNAVAILABLE"]);

export const servingQueries = {
  all: ["serving"] as const,
  list: () =>
    queryOptions({
      queryKey: servingQueries.all,
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/serve-applications/", { signal, params: { query: { per_page: PER_PAGE } } }))).data,
      refetchInterval: ({ state }) => (state.data?.some((each) => MOVING.has(each.status)) ? LIVE_MS : CALM_MS),
    }),
};

export async function deleteApplication(id: number): Promise<void> {
  await unwrap(api.DELETE("/v2/serve-applications/{item_id}/", { params: { path: { item_id: id } } }));
}

export const RESOURCES = ["num_cpus", "memory", "num_gpus"] as const;
export type Resource = (typeof RESOURCES)[number];

export interface Share {
  resource: Resource;
  held: number;
  /** What the agent said that it has; undefined where it said nothing. */
  total: number | undefined;
}

/** What the applications of an agent hold of it; the server refuses a deployment by the same sums. */
export function sharesOf(agent: Agent, applications: readonly ServeApplication[]): Share[] {
  const own = applications.filter((each) => each.agent_id === agent.id && !HOLDS_NOTHING.has(each.status));
  return RESOURCES.map((resource) => ({
    resource,
    held: own.reduce((sum, each) => sum + numberOf(each.resources[resource]) * each.num_replicas, 0),
    total: totalOf(agent.capacity[resource === "memory" ? "memory_bytes" : resource]),
  }));
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function totalOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
