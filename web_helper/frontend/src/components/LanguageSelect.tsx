import { useTranslation } from "react-i18next";
import { Select } from "@/components/ui/input";
import { isLanguage, LANGUAGES, setLanguage } from "@/i18n";

/** The language of the page; inside a `Field` it takes the field's label. */
export function LanguageSelect({ className, isLabelled = false }: { className?: string; isLabelled?: boolean }) {
  const { t, i18n } = useTranslation();
  return (
    <Select
      {...(isLabelled ? {} : { "aria-label": t("language") })}
      value={i18n.language}
      onChange={(event) => isLanguage(event.target.value) && void setLanguage(event.target.value)}
      className={className}
    >
      {Object.entries(LANGUAGES).map(([code, name]) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </Select>
  );
}
