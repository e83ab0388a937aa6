import { useTranslation } from "react-i18next";
import { Copyable } from "@/components/ui/copyable";
import { Empty } from "@/components/ui/states";

const DEMO = "synapse demo";
const OWN = 'synapse import coco ./annotations.json --images ./images --project "My project"';

/** The way in for a platform that has nothing yet. */
export function FirstSteps() {
  const { t } = useTranslation("home");
  const { t: common } = useTranslation();
  return (
    <Empty title={t("empty.title")}>
      <div className="grid gap-3">
        <p>{t("empty.text")}</p>
        <Copyable text={DEMO} label={t("empty.copy")} doneLabel={common("copied")} />
        <p>{t("empty.own")}</p>
        <Copyable text={OWN} label={t("empty.copy")} doneLabel={common("copied")} />
      </div>
    </Empty>
  );
}
