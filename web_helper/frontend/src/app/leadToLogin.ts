/** A session that has ended brings the login, and then leads back. */
import type { Query, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/client";
import { sessionWatch } from "@/api/connection";
import { sessionQueries } from "@/api/session";
import type { AppRouter } from "@/app/router";

/** Watch what is asked and sent; ends with the function that it answers. */
export function leadToLogin(queryClient: QueryClient, router: AppRouter): () => void {
  const leave = () => {
    const { pathname, href } = router.state.location;
    if (pathname !== "/login") void router.navigate({ to: "/login", search: { next: href } });
  };
  const lead = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) leave();
  };
  sessionWatch.addEventListener("end", leave);
  const ends = [
    queryClient.getQueryCache().subscribe((event) => {
      if (event.type === "updated" && event.action.type === "error" && !isOfSession(event.query))
        lead(event.action.error);
    }),
    queryClient.getMutationCache().subscribe((event) => {
      if (event.type === "updated" && event.action.type === "error") lead(event.action.error);
    }),
  ];
  return () => {
    sessionWatch.removeEventListener("end", leave);
    for (const end of ends) end();
  };
}

/** The routes themselves ask who is logged in, and lead to the login when nobody is. */
function isOfSession(query: Query): boolean {
  return query.queryKey[0] === sessionQueries.all[0];
}

/** Where the login leads back to: a path of ours only, for `//host` and `/\host` would leave. */
export function pathBack(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/";
}
