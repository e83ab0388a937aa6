import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleHelp, type LucideIcon, Unplug } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Device, type DeviceReport, deviceQueries, removeDevice } from "@/api/devices";
import type { Experiment } from "@/api/experiments";
import { StatusBadge } from "@/components/experiments/StatusBadge";
import { RemoveButton } from "@/components/RemoveButton";
import { Badge, type Tone } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { Progress } from "@/components/ui/progress";
import { When } from "@/components/When";
import { formatBytes } from "@/lib/format";

const LOOKS: Record<Device["status"], [Tone, LucideIcon]> = {
  healthy: ["success", CircleCheck],
  stale: ["warning", CircleHelp],
  disconnected: ["danger", Unplug],
};
const COMMIT_LENGTH = 8;

/** One machine: how it is, what it has, and what it runs. */
export function DeviceCard({ device, runs }: { device: Device; runs: readonly Experiment[] }) {
  const { t } = useTranslation("devices");
  const [tone, Icon] = LOOKS[device.status];
  const { report } = device;
  return (
    <Card aria-label={device.host_id} className="grid gap-3">
      <header className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="min-w-0 text-base font-semibold break-all">{device.host_id}</h2>
        <div className="flex flex-wrap items-center gap-1">
          <Badge tone={tone}>
            <Icon aria-hidden /> {t(`status.${device.status}`)}
          </Badge>
          <DeleteButton host={device.host_id} />
        </div>
      </header>
      <p className="text-muted-foreground">
        {device.last_seen_at === null ? (
          t("never")
        ) : (
          <>
            {t("heard")} <When iso={device.last_seen_at} />
          </>
        )}
      </p>
      {report !== null && <Resources report={report} />}
      <section aria-label={t("jobs")} className="grid gap-1.5 border-t pt-3">
        <h3 className="text-xs font-medium text-muted-foreground">{t("jobs")}</h3>
        {device.status === "disconnected" ? (
          <p>{t("silent")}</p>
        ) : (
          runs.length === 0 && <p>{t("noJobs", { count: report?.slots ?? 0 })}</p>
        )}
        <ul className="grid gap-1">
          {runs.map((run) => (
            <li key={run.uid} className="flex items-center justify-between gap-2">
              <Link
                to="/experiments/$uid"
                params={{ uid: run.uid }}
                className="min-w-0 break-words text-primary underline-offset-4 hover:underline"
              >
                {run.name}
              </Link>
              <StatusBadge status={run.status} />
            </li>
          ))}
        </ul>
        <Link
          to="/experiments"
          search={{ device: device.host_id }}
          aria-label={`${t("queue")}: ${device.host_id}`}
          className="justify-self-start text-xs text-primary underline-offset-4 hover:underline"
        >
          {t("queue")}
        </Link>
      </section>
    </Card>
  );
}

function DeleteButton({ host }: { host: string }) {
  const { t } = useTranslation("devices");
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => removeDevice(host),
    onSuccess: () => client.invalidateQueries({ queryKey: deviceQueries.all }),
  });
  return (
    <RemoveButton
      label={t("remove.one", { host })}
      question={t("remove.question", { host })}
      description={t("remove.text")}
      disabled={remove.isPending}
      error={remove.error}
      onRemove={() => remove.mutate()}
    />
  );
}

function Resources({ report }: { report: DeviceReport }) {
  const { t } = useTranslation("devices");
  const { gpus = [], cpu_percent, cpu_count, code_version: code } = report;
  const cores = cpu_count == null ? "" : t("cores", { count: cpu_count });
  return (
    <>
      <div className="grid gap-2.5">
        <Meter label={t("cpu")} share={cpu_percent == null ? null : cpu_percent / 100} note={cores} />
        <BytesMeter label={t("memory")} used={report.memory_used_bytes} total={report.memory_total_bytes} />
        <BytesMeter label={t("disk")} used={report.disk_used_bytes} total={report.disk_total_bytes} />
        {gpus.map((gpu) => (
          <div key={gpu.index} className="grid gap-2.5">
            <Meter
              label={t("gpu", { index: gpu.index })}
              share={gpu.utilization_percent == null ? null : gpu.utilization_percent / 100}
              note={gpu.name ?? ""}
            />
            <BytesMeter
              label={t("gpuMemory", { index: gpu.index })}
              used={gpu.memory_used_bytes}
              total={gpu.memory_total_bytes}
            />
          </div>
        ))}
      </div>
      <p className="text-xs break-words text-muted-foreground">
        {[
          gpus.length === 0 && t("noGpu"),
          report.torch_version && `${t("torch")} ${report.torch_version}`,
          report.cuda_version && `${t("cuda")} ${report.cuda_version}`,
          code?.git_hash &&
            `${t("code")} ${code.git_hash.slice(0, COMMIT_LENGTH)}${code.git_dirty ? ` (${t("dirty")})` : ""}`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </>
  );
}

interface BytesMeterProps {
  label: string;
  used: number | null | undefined;
  total: number | null | undefined;
}

function BytesMeter({ label, used, total }: BytesMeterProps) {
  const { t, i18n } = useTranslation("devices");
  if (used == null || !total) return null;
  const words = { used: formatBytes(used, i18n.language), total: formatBytes(total, i18n.language) };
  return <Meter label={label} share={used / total} note={t("of", words)} />;
}

function Meter({ label, share, note }: { label: string; share: number | null; note: string }) {
  if (share === null) return null;
  return (
    <div className="grid gap-1">
      <div className="flex justify-between gap-2 text-xs">
        <span>{label}</span>
        <span className="min-w-0 truncate text-muted-foreground" title={note}>
          {[note, `${Math.round(share * 100)} %`].filter(Boolean).join(" · ")}
        </span>
      </div>
      <Progress label={label} value={share} />
    </div>
  );
}
