/** Who is logged in. The browser holds no key: the server keeps it in a cookie that no script can read. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

export const sessionQueries = {
  me: () =>
    queryOptions({
      queryKey: ["session", "me"],
      queryFn: ({ signal }) => unwrap(api.GET("/users/me/", { signal })),
      staleTime: 60_000,
    }),
};
