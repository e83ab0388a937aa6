/** The playground: a release's app in a container of its own, on one of the agents. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type App = Schemas["PlaygroundContainer"];
export type AppStatus = Schemas["ContainerStatus"];
export type Build = Schemas["PlaygroundBuild"];
export type Host = Schemas["PlaygroundHost"];
export type AppWish = Partial<Schemas["PlaygroundCreate"]> & { plugin_release: string };
export type AppChange = "start" | "restart" | "pause" | "stop";

const [LIVE_MS, HOSTS_MS, CALM_MS] = [2_000, 5_000, 10_000];
const MOVING: ReadonlySet<AppStatus> = new Set(["building", "starting"]);
const ENDED: ReadonlySet<Build["status"]> = new Set(["completed", "failed", "cancelled"]);

export const appQueries = {
  all: ["apps"] as const,
  hosts: () =>
    queryOptions({
      queryKey: [...appQueries.all, "hosts"],
      queryFn: async ({ signal }) => (await unwrap(api.GET("/v2/playground-hosts/", { signal }))).data,
      // One that was too busy to answer, or is mended now, is of use without a reload.
      refetchInterval: ({ state }) => (state.data?.some(({ problem }) => problem === null) ? false : HOSTS_MS),
    }),
  list: () =>
    queryOptions({
      queryKey: [...appQueries.all, "list"],
      queryFn: ({ signal }) => unwrap(api.GET("/v2/playground-containers/", { signal })),
      refetchInterval: ({ state }) => (state.data?.data.some(isMoving) ? LIVE_MS : CALM_MS),
    }),
  one: (id: string) =>
    queryOptions({
      queryKey: [...appQueries.all, "one", id],
      queryFn: async ({ signal }) => {
        const asked = api.GET("/v2/playground-containers/{container_id}/", {
          signal,
          params: { path: { container_id: id } },
        });
        return (await unwrap(asked)).data;
      },
      refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? LIVE_MS : CALM_MS),
    }),
  /** The name of the mutation that removes one: it is not looked at meanwhile. */
  removal: (id: string) => [...appQueries.all, "remove", id],
  build: (id: string) =>
    queryOptions({
      queryKey: [...appQueries.all, "build", id],
      queryFn: async ({ signal }) => {
        const asked = api.GET("/v2/playground-builds/{build_id}/", { signal, params: { path: { build_id: id } } });
        return (await unwrap(asked)).data;
      },
      refetchInterval: ({ state }) => (state.data && ENDED.has(state.data.status) ? false : LIVE_MS),
    }),
};

export function isMoving(app: Pick<App, "status">): boolean {
  return MOVING.has(app.status);
}

/** Make a container, or find the one that is there: then there is no build. */
export async function createApp(wish: AppWish): Promise<Schemas["PlaygroundMade"]> {
  const body = wish as Schemas["PlaygroundCreate"];
  return (await unwrap(api.POST("/v2/playground-containers/", { body }))).data;
}

export async function changeApp(id: string, change: AppChange): Promise<Schemas["PlaygroundMade"]> {
  const path = { params: { path: { container_id: id } } };
  const asked = {
    start: () => api.POST("/v2/playground-containers/{container_id}/start/", path),
    restart: () => api.POST("/v2/playground-containers/{container_id}/restart/", path),
    pause: () => api.POST("/v2/playground-containers/{container_id}/pause/", path),
    stop: () => api.POST("/v2/playground-containers/{container_id}/stop/", path),
  }[change];
  return (await unwrap(asked())).data;
}

export async function removeApp(id: string): Promise<void> {
  await unwrap(api.DELETE("/v2/playground-containers/{container_id}/", { params: { path: { container_id: id } } }));
}
