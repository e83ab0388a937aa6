/** Who is logged in. The browser holds no key: the server keeps it in a cookie that no script can read. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

export const sessionQueries = {
  all: ["session"] as const,
  me: () =>
    queryOptions({
      queryKey: ["session", "me"],
      queryFn: ({ signal }) => unwrap(api.GET("/users/me/", { signal })),
      staleTime: 60_000,
    }),
};

/** Exchange an access key for a session; an `ApiError` whose fields name the key when it is refused. */
export async function openSession(key: string): Promise<void> {
  await unwrap(api.POST("/v2/session/", { body: { key } }));
}

export async function closeSession(): Promise<void> {
  await unwrap(api.DELETE("/v2/session/"));
}
