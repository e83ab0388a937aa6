import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ExperimentDetail } from "@/api/experiments";
import { Choices } from "@/components/experiments/Choices";
import { PriorityWord } from "@/components/experiments/ExperimentTable";
import { StatusBadge } from "@/components/experiments/StatusBadge";
import { Card } from "@/components/ui/card";
import { Copyable } from "@/components/ui/copyable";
import { When } from "@/components/When";

/** What a run is, where it runs, and how it stands. */
export function ExperimentFacts({ experiment }: { experiment: ExperimentDetail }) {
  const { t } = useTranslation(["experiments", "common"]);
  const { grid, grid_size, choices, wanted_device, reproduces } = experiment;
  const device = experiment.device ?? (wanted_device && t("wants", { device: wanted_device }));
  return (
    <Card className="grid gap-4">
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-3 lg:grid-cols-5">
        <Fact label={t("column.status")}>
          <StatusBadge status={experiment.status} />
        </Fact>
        <Fact label={t("column.priority")}>
          <PriorityWord priority={experiment.priority} />
        </Fact>
        <Fact label={t("column.device")}>{device ?? "–"}</Fact>
        <Fact label={t("column.project")}>{experiment.project || "–"}</Fact>
        <Fact label={t("column.by")}>{experiment.user ?? "–"}</Fact>
        <Fact label={t("detail.submitted")}>
          <When iso={experiment.created_at} />
        </Fact>
        <Fact label={t("detail.started")}>
          <When iso={experiment.started_at} />
        </Fact>
        <Fact label={t("detail.finished")}>
          <When iso={experiment.finished_at} />
        </Fact>
        <Fact label={t("detail.seed")}>{experiment.seed ?? "–"}</Fact>
        {grid_size > 1 && <Fact label={t("form.number")}>{t("run", { at: grid + 1, count: grid_size })}</Fact>}
        {choices.length > 0 && (
          <Fact label={t("detail.choices")}>
            <Choices choices={choices} />
          </Fact>
        )}
        {experiment.exit_code !== null && <Fact label={t("detail.exit")}>{experiment.exit_code}</Fact>}
        {reproduces && (
          <Fact label={t("detail.reproduces")}>
            <Link
              to="/experiments/$uid"
              params={{ uid: reproduces }}
              className="font-mono text-[13px] break-all text-primary underline-offset-4 hover:underline"
            >
              {reproduces}
            </Link>
          </Fact>
        )}
      </dl>
      {experiment.message && (
        <pre className="max-h-48 overflow-auto rounded-md bg-muted p-3 font-mono text-[13px] break-words whitespace-pre-wrap">
          {experiment.message}
        </pre>
      )}
      {experiment.manifest && (
        <div>
          <h2 className="mb-1 text-xs text-muted-foreground" title={t("detail.restoreHint")}>
            {t("detail.restore")}
          </h2>
          <Copyable
            text={`synapse component restore ${experiment.uid}`}
            label={t("common:copy")}
            doneLabel={t("common:copied")}
          />
        </div>
      )}
    </Card>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-muted-foreground">{label}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}
