import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { actionsOf, type PluginRelease, pluginQueries } from "@/api/plugins";
import { RunDialog } from "@/components/plugins/RunDialog";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { Empty, Loading } from "@/components/ui/states";

const DEPLOYMENT = "deployment";

/** Serving a release is running its action `deployment`: first which release, then its form. */
export function DeployDialog({ onClose }: { onClose: () => void }) {
  const [release, setRelease] = useState<PluginRelease | null>(null);
  if (release === null) return <ReleaseDialog onChoose={setRelease} onClose={onClose} />;
  const section = actionsOf(release).find(([name]) => name === DEPLOYMENT)?.[1] ?? {};
  return <RunDialog release={release} action={DEPLOYMENT} section={section} onClose={onClose} />;
}

function ReleaseDialog({ onChoose, onClose }: { onChoose: (release: PluginRelease) => void; onClose: () => void }) {
  const { t } = useTranslation("serving");
  const { t: common } = useTranslation();
  const releases = useQuery(pluginQueries.newest());
  const servable = releases.data?.filter((release) => actionsOf(release).some(([name]) => name === DEPLOYMENT)) ?? [];
  const [chosen, setChosen] = useState("");
  const release = servable.find(({ id }) => String(id) === chosen) ?? servable[0];
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("deploy.title")}
      description={t("deploy.description")}
      closeLabel={common("close")}
    >
      {releases.isPending && <Loading label={common("loading")} />}
      {releases.isError && <QueryFailure error={releases.error} onRetry={() => releases.refetch()} />}
      {releases.data !== undefined && release === undefined && (
        <Empty title={t("deploy.none")}>{t("deploy.noneHint")}</Empty>
      )}
      {release !== undefined && (
        <div className="grid gap-4">
          <Field label={t("deploy.release")}>
            <Select value={String(release.id)} onChange={(event) => setChosen(event.target.value)}>
              {servable.map(({ id, plugin_code: code, version }) => (
                <option key={id} value={id}>
                  {code}@{version}
                </option>
              ))}
            </Select>
          </Field>
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{common("cancel")}</Button>
            <Button variant="primary" onClick={() => onChoose(release)}>
              {t("deploy.next")}
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
