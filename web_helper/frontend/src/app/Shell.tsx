import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { SunMoon } from "lucide-react";
import { Suspense, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Account } from "@/app/Account";
import { NAVIGATION } from "@/app/navigation";
import { switchTheme } from "@/app/theme";
import { LanguageSelect } from "@/components/LanguageSelect";
import { NotificationBell } from "@/components/notifications/NotificationBell";
import { Button } from "@/components/ui/button";
import { Loading } from "@/components/ui/states";

export function Shell() {
  const { t } = useTranslation();
  return (
    <div className="grid h-dvh grid-cols-[14rem_minmax(0,1fr)] grid-rows-[3rem_minmax(0,1fr)] max-md:grid-cols-[minmax(0,1fr)] max-md:grid-rows-[3rem_auto_minmax(0,1fr)]">
      <a href="#content" className="sr-only z-50 bg-card p-2 focus:not-sr-only focus:absolute">
        {t("skip")}
      </a>
      <TopBar />
      <Navigation />
      <main id="content" tabIndex={-1} className="relative overflow-auto outline-none">
        <Suspense fallback={<Loading label={t("loading")} className="p-6" />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}

function Navigation() {
  const { t } = useTranslation();
  const entries = useRef<HTMLElement>(null);
  const pathname = useLocation({ select: (location) => location.pathname });
  // On a narrow screen they are a row that may be wider than it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another path has another current entry
  useEffect(() => {
    entries.current?.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  return (
    <nav
      ref={entries}
      aria-label={t("navigation")}
      className="relative overflow-auto border-r bg-card p-3 max-md:flex max-md:gap-1 max-md:border-r-0 max-md:border-b max-md:p-1.5"
    >
      {NAVIGATION.filter((group) => group.entries.length > 0).map((group) => (
        <div key={group.entries[0]?.to} className="mb-4 max-md:mb-0">
          {group.label && (
            <h2 className="px-2 pb-1 text-xs font-medium text-muted-foreground max-md:sr-only">{t(group.label)}</h2>
          )}
          <ul className="max-md:flex max-md:gap-1">
            {group.entries.map(({ to, label, icon: Icon }) => (
              <li key={to}>
                <Link
                  to={to}
                  activeOptions={{ exact: to === "/", includeSearch: false }}
                  activeProps={{ className: "bg-muted font-medium" }}
                  className="flex items-center gap-2 rounded-md px-2 py-1.5 whitespace-nowrap hover:bg-muted"
                >
                  <Icon className="size-4" aria-hidden />
                  {t(label)}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function TopBar() {
  const { t } = useTranslation();
  return (
    <header className="col-span-full flex items-center gap-2 border-b bg-card px-4 max-md:px-2">
      <Link to="/" className="mr-auto text-base font-semibold">
        {t("app")}
      </Link>
      <NotificationBell />
      <LanguageSelect className="h-8 w-auto" />
      <Button
        variant="ghost"
        size="icon"
        aria-label={t("theme.switch")}
        title={t("theme.switch")}
        onClick={switchTheme}
      >
        <SunMoon />
      </Button>
      <Account />
    </header>
  );
}
