import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { sessionQueries } from "@/api/session";
import { AgentSettings } from "@/components/settings/AgentSettings";
import { MemberSettings } from "@/components/settings/MemberSettings";
import { ProfileSettings } from "@/components/settings/ProfileSettings";
import type { SectionProps } from "@/components/settings/SectionFrame";
import { StorageSettings } from "@/components/settings/StorageSettings";
import { isSection, SECTIONS, type Section } from "@/components/settings/sections";
import { TokenSettings } from "@/components/settings/TokenSettings";
import { UserSettings } from "@/components/settings/UserSettings";
import { Page } from "@/components/ui/page";

const route = getRouteApi("/shell/settings/$section");
const VIEWS: Record<Section, ComponentType<SectionProps>> = {
  profile: ProfileSettings,
  tokens: TokenSettings,
  members: MemberSettings,
  users: UserSettings,
  storages: StorageSettings,
  agents: AgentSettings,
};

export function SettingsView() {
  const { t } = useTranslation("settings");
  const { section } = route.useParams();
  const { data: me } = useSuspenseQuery(sessionQueries.me());
  const Content = VIEWS[isSection(section) ? section : "profile"];
  return (
    <Page title={t("title")}>
      <div className="grid grid-cols-1 items-start gap-6 md:grid-cols-[11rem_minmax(0,1fr)]">
        <nav aria-label={t("title")}>
          <ul className="flex flex-wrap gap-1 md:grid">
            {SECTIONS.map((name) => (
              <li key={name}>
                <Link
                  to="/settings/$section"
                  params={{ section: name }}
                  activeOptions={{ includeSearch: false }}
                  activeProps={{ className: "bg-muted font-medium" }}
                  className="block rounded-md px-3 py-1.5 hover:bg-muted"
                >
                  {t(`sections.${name}`)}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <Content me={me} />
      </div>
    </Page>
  );
}
