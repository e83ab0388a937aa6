import { useTranslation } from "react-i18next";
import { ApiError, NO_ANSWER } from "@/api/client";
import { Failure } from "@/components/ui/states";

/** An error of a query in words, with the way to ask again. */
export function QueryFailure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const { t } = useTranslation();
  const isAway = error instanceof ApiError && error.status === NO_ANSWER;
  const requestId = error instanceof ApiError ? error.requestId : undefined;
  return (
    <Failure
      title={t("failed")}
      message={isAway ? t("noAnswer") : error.message}
      reference={requestId && t("requestId", { id: requestId })}
      retryLabel={t("tryAgain")}
      onRetry={onRetry}
    />
  );
}
