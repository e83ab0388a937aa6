import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { type AppWish, appQueries, createApp, type Host } from "@/api/apps";
import { ApiError } from "@/api/client";
import { modelQueries } from "@/api/models";
import { actionsOf, type PluginRelease, pluginQueries } from "@/api/plugins";
import { JsonText } from "@/components/jsonform/ValueField";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select, Textarea } from "@/components/ui/input";
import { Empty, Loading } from "@/components/ui/states";
import type { Json } from "@/lib/jsonSchema";
import { readVariables } from "@/lib/variables";

/** Asks for a release, a model, parameters and variables, and makes an app of them. */
export function CreateAppDialog({ hosts, onClose }: { hosts: Host[]; onClose: () => void }) {
  const { t } = useTranslation("apps");
  const { t: common } = useTranslation();
  const releases = useQuery(pluginQueries.newest());
  const withApp = releases.data?.filter(hasApp) ?? [];
  return (
    <Dialog
      open
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={t("create.title")}
      description={t("create.description")}
      closeLabel={common("close")}
    >
      {releases.isPending && <Loading label={common("loading")} />}
      {releases.data !== undefined && withApp.length === 0 && (
        <Empty title={t("create.none")}>{t("create.noneHint")}</Empty>
      )}
      {withApp.length > 0 && <CreateForm releases={withApp} hosts={hosts} onClose={onClose} />}
    </Dialog>
  );
}

interface CreateFormProps {
  releases: PluginRelease[];
  hosts: Host[];
  onClose: () => void;
}

function CreateForm({ releases, hosts, onClose }: CreateFormProps) {
  const { t } = useTranslation("apps");
  const { t: common } = useTranslation();
  const [params, setParams] = useState<Json>(undefined);
  const create = useCreate(onClose);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate(wishOf(form, params));
  };
  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const model = useInfiniteQuery(modelQueries.list(undefined));
  return (
    <form className="grid gap-4" onSubmit={submit} noValidate>
      <Field label={t("create.release")} error={fields.plugin_release}>
        <Select name="release">
          {releases.map(({ id, plugin_code: code, version }) => (
            <option key={id} value={`${code}@${version}`}>
              {code}@{version}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("create.model")} hint={t("create.modelHint")} error={fields.model}>
        <Select name="model">
          <option value="">{t("create.noModel")}</option>
          {model.data?.map(({ id, name, version }) => (
            <option key={id} value={id}>
              {name} {version}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("create.agent")} error={fields.agent}>
        <Select name="agent">
          <option value="">{t("create.anyAgent")}</option>
          {hosts.map(({ agent, name, problem }) => (
            <option key={agent} value={agent} disabled={problem !== null}>
              {name}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("create.params")} hint={t("create.paramsHint")} error={fields.params}>
        <JsonText value={params} onChange={setParams} />
      </Field>
      <Field label={t("create.envs")} hint={t("create.envsHint")} error={messageUnder(fields, "envs")}>
        <Textarea name="envs" spellCheck={false} className="font-mono text-[13px]" placeholder="NAME=value" />
      </Field>
      {create.error && (
        <p role="alert" className="text-danger">
          {create.error.message}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{common("cancel")}</Button>
        <Button type="submit" variant="primary" disabled={create.isPending}>
          {common("create")}
        </Button>
      </div>
    </form>
  );
}

function useCreate(onClose: () => void) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: createApp,
    onSuccess: async ({ container, build }) => {
      void queryClient.invalidateQueries({ queryKey: appQueries.all });
      onClose();
      if (container) await navigate({ to: "/apps/$id", params: { id: container.id } });
      else if (build) await navigate({ to: "/apps", search: { build: build.id } });
    },
  });
}

function wishOf(form: FormData, params: Json): AppWish {
  const [model, agent] = [form.get("model"), form.get("agent")];
  return {
    plugin_release: String(form.get("release")),
    params: (params ?? {}) as Record<string, never>,
    envs: readVariables(String(form.get("envs") ?? "")),
    ...(model ? { model: Number(model) } : {}),
    ...(agent ? { agent: Number(agent) } : {}),
  };
}

/** An app is the action `gradio`, or one whose entrypoint is called like it. */
function hasApp(release: PluginRelease): boolean {
  return actionsOf(release).some(([name, { entrypoint = "" }]) => name === "gradio" || entrypoint.includes("gradio"));
}

function messageUnder(fields: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.entries(fields).find(([field]) => field === name || field.startsWith(`${name}.`))?.[1];
}
