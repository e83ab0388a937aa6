import { Link } from "@tanstack/react-router";
import { CircleCheck, ClipboardCheck, GitCompareArrows, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Home, Tally } from "@/api/home";
import { WorkList } from "@/components/home/WorkList";
import { Card, CardTitle } from "@/components/ui/card";
import { formatNumber } from "@/lib/format";

/** What waits for somebody to decide or to look into it. */
export function Needs({ home }: { home: Home }) {
  const { t } = useTranslation("home");
  const isQuiet = home.conflicts.value === 0 && home.reviews.value === 0 && home.failed.length === 0;
  return (
    <Card aria-labelledby="home-needs">
      <CardTitle id="home-needs">{t("needs.title")}</CardTitle>
      {isQuiet && (
        <p className="flex items-center gap-2 text-muted-foreground">
          <CircleCheck className="size-4 text-success" aria-hidden />
          {t("needs.nothing")}
        </p>
      )}
      <ul className="grid gap-2">
        <Need to="/notifications" icon={GitCompareArrows} what="conflicts" tally={home.conflicts} />
        <Need to="/projects" icon={ClipboardCheck} what="reviews" tally={home.reviews} />
      </ul>
      {home.failed.length > 0 && (
        <>
          <h3 className="mt-3 mb-2 text-xs font-medium text-muted-foreground">{t("needs.failed")}</h3>
          <WorkList items={home.failed} label={t("needs.failed")} />
        </>
      )}
    </Card>
  );
}

interface NeedProps {
  to: string;
  icon: LucideIcon;
  what: "conflicts" | "reviews";
  tally: Tally;
}

function Need({ to, icon: Icon, what, tally }: NeedProps) {
  const { t, i18n } = useTranslation("home");
  if (tally.value === 0) return null;
  const number = formatNumber(tally.value, i18n.language);
  return (
    <li>
      <Link to={to} className="flex items-center gap-2 font-medium underline-offset-4 hover:underline">
        <Icon className="size-4 text-warning" aria-hidden />
        {t(`needs.${what}`, { count: tally.value, shown: tally.is_more ? `${number}+` : number })}
      </Link>
    </li>
  );
}
