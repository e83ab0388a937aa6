import { QueryClient } from "@tanstack/react-query";
import { ApiError, NO_ANSWER } from "@/api/client";

const RETRIES = 2;

/** Asked again: what may be better the next time, which is not what the server has refused. */
export function shouldRetry(failures: number, error: Error): boolean {
  const isPassing = error instanceof ApiError && (error.status === NO_ANSWER || error.status >= 502);
  return isPassing && failures < RETRIES;
}

export function createQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: shouldRetry, staleTime: 5_000 } } });
}
