import { useTranslation } from "react-i18next";
import { formatAge, formatTime } from "@/lib/format";

/** A moment as people say it, with the exact time where one points at it. */
export function When({ iso }: { iso: string | null | undefined }) {
  const { i18n } = useTranslation();
  if (!iso) return <>–</>;
  return (
    <time dateTime={iso} title={formatTime(iso, i18n.language)} className="whitespace-nowrap">
      {formatAge(iso, i18n.language)}
    </time>
  );
}
