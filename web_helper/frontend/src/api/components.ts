/** The component store: what is in it, its history, and what people do with it. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type ComponentSummary = Schemas["ComponentSummary"];
export type VersionStory = Schemas["VersionStory"];
export type ChangeRecord = Schemas["ComponentChangeRecord"];
export type StagedChange = ChangeRecord & { id: number };
export type ComponentChange = Schemas["ComponentChange"];

const ACTIVE = "active";
const CHANGES_PER_PAGE = 30;

export const componentQueries = {
  all: ["components"] as const,
  list: () =>
    queryOptions({
      queryKey: [...componentQueries.all, "list"],
      queryFn: async ({ signal }) => (await unwrap(api.GET("/api/components/versions", { signal }))).data,
    }),
  story: (path: string) =>
    queryOptions({
      queryKey: [...componentQueries.all, "story", path],
      queryFn: async ({ signal }) => {
        const params = { path: partsOf(path) };
        return (await unwrap(api.GET("/api/components/stories/{category}/{name}", { params, signal }))).data;
      },
    }),
  // What a hash names never changes.
  content: (path: string, hash: string) =>
    queryOptions({
      queryKey: ["component-content", path, hash],
      queryFn: async ({ signal }) => {
        const params = { path: { version_hash: hash }, query: { path } };
        const found = await unwrap(api.GET("/api/components/versions/hash/{version_hash}", { params, signal }));
        return found.data.content ?? "";
      },
      staleTime: Number.POSITIVE_INFINITY,
    }),
  uses: (path: string, hash: string) =>
    queryOptions({
      queryKey: [...componentQueries.all, "uses", path, hash],
      queryFn: async ({ signal }) => {
        const params = { path: { version_hash: hash }, query: { path } };
        return (await unwrap(api.GET("/api/components/versions/hash/{version_hash}/experiments", { params, signal })))
          .data;
      },
    }),
  changes: () =>
    infiniteQueryOptions({
      queryKey: [...componentQueries.all, "changes"],
      queryFn: async ({ pageParam, signal }) => {
        const query = { limit: CHANGES_PER_PAGE, ...(pageParam === null ? {} : { before: pageParam }) };
        return (await unwrap(api.GET("/api/components/changes", { params: { query }, signal }))).data;
      },
      initialPageParam: null as number | null,
      getNextPageParam: (page) => (page.length < CHANGES_PER_PAGE ? undefined : (page.at(-1)?.id ?? undefined)),
    }),
};

/** Add what is new in the server's folder; the words of the outcome. */
export async function scanComponents(): Promise<{ registered: number; message: string }> {
  const answer = await unwrap(api.POST("/api/components/versions/scan", {}));
  return { registered: answer.data.registered, message: answer.meta.message };
}

export interface Activation {
  path: string;
  hash: string;
  /** What is active now, as the person saw it: the server refuses when somebody moved it meanwhile. */
  expected: string | null;
}

/** Make these versions the active ones: all of them, or none. */
export async function activateVersions(activations: Activation[], reason: string): Promise<ChangeRecord> {
  const changes = activations.map((each): ComponentChange => ({ ...each, aliases: [ACTIVE] }));
  return (await unwrap(api.POST("/api/components/changes", { body: { changes, reason } }))).data;
}

/** Let a name point to a version. */
export async function setAlias(path: string, hash: string, alias: string, reason: string): Promise<ChangeRecord> {
  const changes: ComponentChange[] = [{ path, hash, aliases: [alias] }];
  return (await unwrap(api.POST("/api/components/changes", { body: { changes, reason } }))).data;
}

/** Activate what was active before, at each path: all of them, or none. */
export async function rollBack(paths: string[], reason: string): Promise<ChangeRecord> {
  return (await unwrap(api.POST("/api/components/rollback", { body: { paths, reason } }))).data;
}

/**
 * Activate every version that a change pointed a name to: all of them, or none.
 *
 * `expected` is the newest change that the person has seen: refused when a later one has moved what this would move.
 */
export async function activateSet(id: number, expected: number, reason: string) {
  const params = { path: { change_set_id: id } };
  const body = { alias: ACTIVE, expected, reason };
  return (await unwrap(api.POST("/api/components/changes/{change_set_id}/activate", { params, body }))).data;
}

/** Whether a change pointed another name than `active` to versions: they wait to be activated. */
export function isStaged(record: ChangeRecord): record is StagedChange {
  return record.id !== null && record.changes.some((change) => change.alias !== ACTIVE && change.to_hash !== null);
}

/** Point everything that a change moved to where it was. */
export async function undoChange(id: number, reason: string): Promise<ChangeRecord> {
  const params = { path: { change_set_id: id } };
  return (await unwrap(api.POST("/api/components/changes/{change_set_id}/rollback", { params, body: { reason } })))
    .data;
}

function partsOf(path: string): { category: string; name: string } {
  const [category = "", file = ""] = path.split("/");
  return { category, name: file.replace(/\.py$/, "") };
}
