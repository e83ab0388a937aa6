/** Plugins and their releases; running an action, and publishing an archive. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ApiError, api, errorOf, NO_ANSWER, type Schemas, unwrap } from "@/api/client";

export type Plugin = Schemas["Plugin"];
export type PluginRelease = Schemas["PluginRelease"];
export type PluginRun = Partial<Schemas["PluginRun"]> & { action: string };
type JsonObject = Schemas["PluginRelease"]["config"];

export interface ActionSection {
  name?: string;
  description?: string;
  method?: string;
  entrypoint?: string;
  params_schema?: JsonObject;
}

export interface PluginFilters {
  search?: string | undefined;
  category?: string | undefined;
}

const PER_PAGE = 200;

export const pluginQueries = {
  all: ["plugins"] as const,
  list: ({ search, category }: PluginFilters) =>
    infiniteQueryOptions({
      queryKey: [...pluginQueries.all, "list", { search, category }],
      queryFn: ({ pageParam, signal }) => {
        const query = { cursor: pageParam, search, category: category === undefined ? undefined : [category] };
        return unwrap(api.GET("/v2/plugins/", { signal, params: { query } }));
      },
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
      // What was found before stays until what is searched for now is there.
      placeholderData: keepPreviousData,
    }),
  one: (lookup: string) =>
    queryOptions({
      queryKey: [...pluginQueries.all, "one", lookup],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/plugins/{item_id}/", { signal, params: { path: { item_id: lookup } } }))).data,
    }),
  /** Newest first. */
  releases: (pluginId: number | undefined) =>
    queryOptions({
      queryKey: [...pluginQueries.all, "releases", pluginId],
      queryFn: async ({ signal }) => {
        const query = { plugin: [String(pluginId)], per_page: PER_PAGE };
        return (await unwrap(api.GET("/v2/plugin-releases/", { signal, params: { query } }))).data;
      },
      enabled: pluginId !== undefined,
    }),
  /** The newest releases of all plugins. */
  newest: () =>
    queryOptions({
      queryKey: [...pluginQueries.all, "newest"],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/plugin-releases/", { signal, params: { query: { per_page: PER_PAGE } } }))).data,
    }),
};

/** The actions that a release's configuration lists. */
export function actionsOf(release: PluginRelease): [string, ActionSection][] {
  const actions = release.config.actions;
  return typeof actions === "object" && actions !== null ? (Object.entries(actions) as [string, ActionSection][]) : [];
}

export async function runAction(code: string, body: PluginRun): Promise<Schemas["Job"]> {
  const full = { params: {}, debug: false, check_params: true, ...body } as Schemas["PluginRun"];
  const asked = api.POST("/v2/plugins/{lookup}/run/", { params: { path: { lookup: code } }, body: full });
  return (await unwrap(asked)).data;
}

/** Send an archive; `onProgress` is told the share that has left. `fetch` cannot tell it. */
export function publishArchive(
  file: File | null,
  { isDebug, onProgress }: { isDebug: boolean; onProgress: (share: number) => void },
): Promise<PluginRelease> {
  const form = new FormData();
  // Without one the server says what is missing.
  if (file !== null) form.append("file", file);
  if (isDebug) form.append("debug", "true");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v2/plugin-releases/");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onerror = () => reject(new ApiError(NO_ANSWER, "NO_ANSWER", "The server does not answer."));
    request.onload = () => {
      if (request.status === 201) resolve(request.response.data);
      else reject(errorOf(request.status, request.response));
    };
    request.send(form);
  });
}
