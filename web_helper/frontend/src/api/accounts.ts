/** People, their access tokens, and their roles in projects. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type User = Schemas["User"];
export type UserCreate = Schemas["UserCreate"];
export type UserChange = Schemas["UserChange"];
export type Token = Schemas["Token"];
export type TokenCreate = Schemas["TokenCreate"];
export type TokenCreated = Schemas["TokenCreated"];
export type Member = Schemas["Member"];
export type MemberCreate = Schemas["MemberCreate"];
export type Role = Schemas["Role"];
export type Scope = Schemas["Scope"];

export const ROLES = ["viewer", "annotator", "manager", "admin"] as const satisfies readonly Role[];
export const SCOPES = ["read", "write", "admin"] as const satisfies readonly Scope[];

const PER_PAGE = 100;
const first = undefined as string | undefined;

export const tokenQueries = {
  all: ["tokens"] as const,
  /** One's own, the newest first. */
  mine: (userId: number) =>
    infiniteQueryOptions({
      queryKey: [...tokenQueries.all, userId],
      queryFn: ({ pageParam, signal }) =>
        unwrap(
          api.GET("/v2/tokens/", {
            signal,
            params: { query: { user: [String(userId)], per_page: PER_PAGE, cursor: pageParam } },
          }),
        ),
      initialPageParam: first,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
    }),
};

export const userQueries = {
  all: ["users"] as const,
  list: (search: string) =>
    infiniteQueryOptions({
      queryKey: [...userQueries.all, "list", search],
      queryFn: ({ pageParam, signal }) =>
        unwrap(
          api.GET("/v2/users/", {
            signal,
            params: { query: { per_page: PER_PAGE, cursor: pageParam, ...(search ? { search } : {}) } },
          }),
        ),
      initialPageParam: first,
      getNextPageParam: (page) => page.meta.pagination.next_cursor ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.data),
    }),
};

/** A member with the person. */
export interface NamedMember extends Member {
  user: User | undefined;
}

export const memberQueries = {
  all: ["members"] as const,
  of: (projectId: number) =>
    infiniteQueryOptions({
      queryKey: [...memberQueries.all, projectId],
      queryFn: async ({ pageParam, signal }) => {
        const query = { project: [String(projectId)], per_page: PER_PAGE, cursor: pageParam };
        const page = await unwrap(api.GET("/v2/members/", { signal, params: { query } }));
        return { named: await withNames(page.data, signal), next: page.meta.pagination.next_cursor };
      },
      initialPageParam: first,
      getNextPageParam: (page) => page.next ?? undefined,
      select: (data) => data.pages.flatMap((page) => page.named),
    }),
  /** The projects whose members one may see. */
  projects: () =>
    queryOptions({
      queryKey: [...memberQueries.all, "projects"],
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/projects/", { signal, params: { query: { per_page: PER_PAGE, sort: "id" } } })))
          .data,
    }),
};

async function withNames(members: Member[], signal: AbortSignal): Promise<NamedMember[]> {
  if (members.length === 0) return [];
  const query = { ids: members.map((member) => String(member.user_id)), per_page: PER_PAGE };
  const users = (await unwrap(api.GET("/v2/users/", { signal, params: { query } }))).data;
  const byId = new Map(users.map((user) => [user.id, user]));
  return members.map((member) => ({ ...member, user: byId.get(member.user_id) }));
}

export async function createToken(body: TokenCreate): Promise<TokenCreated> {
  return (await unwrap(api.POST("/v2/tokens/", { body }))).data;
}

export async function revokeToken(id: number): Promise<void> {
  await unwrap(api.DELETE("/v2/tokens/{item_id}/", { params: { path: { item_id: id } } }));
}

export async function createUser(body: UserCreate): Promise<User> {
  return (await unwrap(api.POST("/v2/users/", { body }))).data;
}

export async function changeUser({ id, ...body }: UserChange & { id: number }): Promise<User> {
  return (await unwrap(api.PATCH("/v2/users/{item_id}/", { params: { path: { item_id: id } }, body }))).data;
}

export async function addMember(body: MemberCreate): Promise<Member> {
  return (await unwrap(api.POST("/v2/members/", { body }))).data;
}

export async function changeMember({ id, role }: { id: number; role: Role }): Promise<Member> {
  return (await unwrap(api.PATCH("/v2/members/{item_id}/", { params: { path: { item_id: id } }, body: { role } })))
    .data;
}

export async function removeMember(id: number): Promise<void> {
  await unwrap(api.DELETE("/v2/members/{item_id}/", { params: { path: { item_id: id } } }));
}
