/** Text in the language of the person. Each area's catalogue is loaded with its first view. */
import i18next, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = { en: "English", ko: "한국어" } as const;
export type Language = keyof typeof LANGUAGES;

const STORED = "synapse-language";
const catalogues = import.meta.glob<{ default: object }>("./*/*.ts");

const lazyCatalogues: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, area, callback) => {
    const load = catalogues[`./${area}/${language}.ts`];
    if (load === undefined) {
      callback(new Error(`There is no catalogue ${area}/${language}.`), null);
      return;
    }
    load().then(
      (module) => callback(null, module.default as Record<string, string>),
      (cause: Error) => callback(cause, null),
    );
  },
};

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && value in LANGUAGES;
}

function preferredLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (isLanguage(stored)) return stored;
  return navigator.language.startsWith("ko") ? "ko" : "en";
}

export async function setLanguage(language: Language): Promise<void> {
  localStorage.setItem(STORED, language);
  document.documentElement.lang = language;
  await i18next.changeLanguage(language);
}

export async function startI18n(language: Language = preferredLanguage()): Promise<void> {
  document.documentElement.lang = language;
  await i18next
    .use(lazyCatalogues)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: "en",
      supportedLngs: Object.keys(LANGUAGES),
      ns: ["common"],
      defaultNS: "common",
      // React escapes.
      interpolation: { escapeValue: false },
    });
}
