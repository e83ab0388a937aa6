/** The first page: what runs, what failed, what waits for somebody, what is kept. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Home = Schemas["Home"];
export type WorkItem = Schemas["WorkItem"];
export type Tally = Schemas["Tally"];
export type StorageUse = Schemas["StorageUse"];

const LIVE_MS = 4_000;
const QUIET_MS = 30_000;

export const homeQueries = {
  read: () =>
    queryOptions({
      queryKey: ["home"],
      queryFn: async ({ signal }) => (await unwrap(api.GET("/v2/home/", { signal }))).data,
      refetchInterval: ({ state }) => (state.data?.running.length ? LIVE_MS : QUIET_MS),
    }),
};
