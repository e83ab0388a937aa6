import { useTranslation } from "react-i18next";
import { SubmitForm } from "@/components/experiments/SubmitForm";
import { Page } from "@/components/ui/page";

export function SubmitView() {
  const { t } = useTranslation("experiments");
  return (
    <Page title={t("submit")} description={t("form.sample")}>
      <SubmitForm />
    </Page>
  );
}
