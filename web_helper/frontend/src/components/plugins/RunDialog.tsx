import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { agentQueries, isConnected } from "@/api/agents";
import { ApiError } from "@/api/client";
import { jobQueries } from "@/api/jobs";
import { type ActionSection, type PluginRelease, runAction } from "@/api/plugins";
import { JsonForm } from "@/components/jsonform/JsonForm";
import { JsonText } from "@/components/jsonform/ValueField";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/input";
import { defaultsOf, isMap, type Json, type JsonMap, type Schema } from "@/lib/jsonSchema";

interface RunDialogProps {
  release: PluginRelease;
  action: string;
  section: ActionSection;
  /** Values of an earlier run, in place of the defaults. */
  params?: JsonMap | undefined;
  onClose: () => void;
}

/** Asks for an action's parameters, in a form made from their schema, and runs it; then its job is shown. */
export function RunDialog({ release, action, section, params, onClose }: RunDialogProps) {
  const { t } = useTranslation("plugins");
  const { t: common } = useTranslation();
  const schema = section.params_schema as Schema | undefined;
  const [values, setValues] = useState<Json>(() => params ?? defaultParams(schema));
  const [agent, setAgent] = useState("");
  const run = useRun(release, onClose);
  const errors = run.error instanceof ApiError ? run.error.fields : {};
  const submit = (event: FormEvent) => {
    // Not an action of the form: that would empty it.
    event.preventDefault();
    run.mutate({ action, version: release.version, params: values, ...chosen(agent) });
  };
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("run.title", { action: section.name ?? action })}
      description={`${release.plugin_code}@${release.version}`}
      closeLabel={common("close")}
      className="w-[min(44rem,calc(100vw-2rem))]"
    >
      <form className="grid gap-5" onSubmit={submit} noValidate>
        <AgentField value={agent} onChange={setAgent} error={errors.agent} />
        {schema ? (
          <JsonForm
            schema={schema}
            value={isMap(values) ? values : {}}
            onChange={setValues}
            errors={errors}
            path="params"
          />
        ) : (
          <Field label={t("run.params")} hint={t("run.noSchema")} error={errors.params}>
            <JsonText value={values} onChange={setValues} />
          </Field>
        )}
        {run.error && (
          <p role="alert" className="text-danger">
            {run.error.message}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{common("cancel")}</Button>
          <Button type="submit" variant="primary" disabled={run.isPending}>
            <Play aria-hidden /> {t("run.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function useRun(release: PluginRelease, onClose: () => void) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: { action: string; version: string; params: Json; agent?: number }) =>
      runAction(release.plugin_code, { ...body, params: (body.params ?? {}) as Record<string, never> }),
    onSuccess: async (job) => {
      onClose();
      void queryClient.invalidateQueries({ queryKey: jobQueries.all });
      await navigate({ to: "/jobs/$jobId", params: { jobId: job.id } });
    },
  });
}

function AgentField(props: { value: string; onChange: (value: string) => void; error: string | undefined }) {
  const { t } = useTranslation("plugins");
  const agents = useQuery(agentQueries.list());
  return (
    <Field label={t("run.agent")} hint={t("run.agentHint")} error={props.error}>
      <Select value={props.value} onChange={(event) => props.onChange(event.target.value)} className="max-w-72">
        <option value="">{t("run.anyAgent")}</option>
        {agents.data?.map((agent) => (
          <option key={agent.id} value={agent.id} disabled={!isConnected(agent)}>
            {isConnected(agent) ? agent.name : t("run.awayAgent", { name: agent.name })}
          </option>
        ))}
      </Select>
    </Field>
  );
}

function chosen(agent: string): { agent?: number } {
  return agent === "" ? {} : { agent: Number(agent) };
}

function defaultParams(schema: Schema | undefined): JsonMap {
  const values = schema ? defaultsOf(schema, schema) : {};
  return isMap(values) ? values : {};
}
