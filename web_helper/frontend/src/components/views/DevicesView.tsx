import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { deviceQueries } from "@/api/devices";
import { experimentQueries } from "@/api/experiments";
import { DeviceCard } from "@/components/devices/DeviceCard";
import { EnrolDialog } from "@/components/devices/EnrolDialog";
import { QueryFailure } from "@/components/QueryFailure";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { Empty, Loading } from "@/components/ui/states";

export function DevicesView() {
  const { t } = useTranslation("devices");
  const [isEnrolling, setIsEnrolling] = useState(false);
  return (
    <Page
      title={t("title")}
      description={t("description")}
      actions={
        <Button variant="primary" onClick={() => setIsEnrolling(true)}>
          <Plus /> {t("enrol")}
        </Button>
      }
    >
      <Devices />
      {isEnrolling && <EnrolDialog onClose={() => setIsEnrolling(false)} />}
    </Page>
  );
}

function Devices() {
  const { t } = useTranslation(["devices", "common"]);
  const devices = useQuery(deviceQueries.list());
  const held = useQuery(experimentQueries.held());
  if (devices.error && !devices.data) return <QueryFailure error={devices.error} onRetry={() => devices.refetch()} />;
  if (!devices.data) return <Loading label={t("common:loading")} />;
  if (devices.data.length === 0)
    return (
      <Empty title={t("empty.title")}>
        <p className="mb-3">{t("empty.hint")}</p>
        <Copyable
          text={`pip install 'synapse-platform[worker]'\nsynapse worker up --server ${globalThis.location.origin}`}
          label={t("common:copy")}
          doneLabel={t("common:copied")}
        />
      </Empty>
    );
  return (
    <div className="grid grid-cols-1 items-start gap-4 md:grid-cols-2 xl:grid-cols-3">
      {devices.data.map((device) => (
        <DeviceCard
          key={device.host_id}
          device={device}
          runs={(held.data ?? []).filter((run) => device.active_jobs.includes(run.uid))}
        />
      ))}
    </div>
  );
}
