import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { QueryFailure } from "@/components/QueryFailure";

export function RouteFailure({ error }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <main className="p-6">
      <QueryFailure
        error={error instanceof Error ? error : new Error(String(error))}
        onRetry={() => void router.invalidate()}
      />
    </main>
  );
}
