/** The hosts that run plugins, and what they have. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Agent = Schemas["Agent"];

// An agent that is silent for thirty seconds is gone.
const LOOK_MS = 10_000;
const PER_PAGE = 200;

export const agentQueries = {
  list: () =>
    queryOptions({
      queryKey: ["agents"],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/agents/", { signal, params: { query: { per_page: PER_PAGE, sort: "id" } } }))).data,
      refetchInterval: LOOK_MS,
    }),
};

export function isConnected(agent: Agent): boolean {
  return agent.status === "connected";
}

export async function deleteAgent(id: number): Promise<void> {
  await unwrap(api.DELETE("/v2/agents/{item_id}/", { params: { path: { item_id: id } } }));
}
