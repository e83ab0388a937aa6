import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { deviceQueries } from "@/api/devices";
import { experimentQueries, type Options, PRIORITIES, type Priority, submitExperiment } from "@/api/experiments";
import { CodeEditor } from "@/components/code/CodeEditor";
import { GridPreview, ProblemList } from "@/components/experiments/GridPreview";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Checkbox, Input, Select } from "@/components/ui/input";

const FILE = "config.yaml";
// So long after the last key the server is asked what the config would make.
const PAUSE_MS = 400;
const STARTER = "project: \nrun_name: \nagent: \nseed: 1\n";

/** A config with what is wrong at its line, and what it would make, before it is submitted. */
export function SubmitForm() {
  const { t } = useTranslation(["experiments", "common"]);
  const navigate = useNavigate();
  const client = useQueryClient();
  const [config, setConfig] = useState(STARTER);
  const [options, setOptions] = useState<Options>({ priority: "normal", hold: false });
  // The same submission sent twice makes one.
  const key = useRef(crypto.randomUUID());
  const settled = useSettled(config, PAUSE_MS);
  const preview = useQuery({
    ...experimentQueries.preview(settled),
    enabled: settled.trim() !== "" && settled !== STARTER,
  });
  const problems = useMemo(() => preview.data?.problems ?? [], [preview.data]);
  const marked = useMemo(() => problems.filter((each) => each.file === FILE), [problems]);
  const submit = useMutation({
    mutationFn: () => submitExperiment(config, { ...options, key: key.current }),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: experimentQueries.all });
      const [first, ...others] = made;
      if (first !== undefined && others.length === 0)
        await navigate({ to: "/experiments/$uid", params: { uid: first.uid } });
      else await navigate({ to: "/experiments" });
    },
    onError: () => {
      key.current = crypto.randomUUID();
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  const isReady = settled === config && preview.isSuccess && !preview.isPlaceholderData && problems.length === 0;
  const count = preview.data?.run_count ?? 0;
  const refusal = submit.error;
  const fields = refusal instanceof ApiError ? refusal.fields : {};
  return (
    <form onSubmit={send} className="grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="grid gap-3">
        <p aria-hidden className="-mb-1.5 font-medium">
          {t("form.config")}
        </p>
        <CodeEditor
          label={t("form.config")}
          start={STARTER}
          onChange={setConfig}
          language="yaml"
          problems={marked}
          className="h-[26rem] [&>.cm-editor]:h-full"
        />
        <ProblemList problems={problems} ownFile={FILE} />
      </div>
      <div className="grid gap-4">
        <Choices options={options} onChange={setOptions} fields={fields} />
        {refusal && Object.keys(fields).length === 0 && (
          <p role="alert" className="break-words whitespace-pre-line text-danger">
            {refusal.message}
          </p>
        )}
        <Button type="submit" variant="primary" disabled={!isReady || submit.isPending}>
          {t("form.send", { count })}
        </Button>
        <GridPreview
          preview={preview.data}
          isChecking={preview.isFetching || settled !== config}
          error={preview.error}
        />
      </div>
    </form>
  );
}

interface ChoicesProps {
  options: Options;
  onChange: (options: Options) => void;
  fields: Readonly<Record<string, string>>;
}

function Choices({ options, onChange, fields }: ChoicesProps) {
  const { t } = useTranslation("experiments");
  const devices = useQuery(deviceQueries.list());
  return (
    <div className="grid grid-cols-2 gap-3">
      <Field label={t("form.device")} error={fields.device}>
        <Select
          value={options.device ?? ""}
          onChange={(event) => onChange({ ...options, device: event.target.value || null })}
        >
          <option value="">{t("form.anyDevice")}</option>
          {devices.data?.map((each) => (
            <option key={each.host_id}>{each.host_id}</option>
          ))}
        </Select>
      </Field>
      <Field label={t("form.priority")} error={fields.priority}>
        <Select
          value={options.priority ?? "normal"}
          onChange={(event) => onChange({ ...options, priority: event.target.value as Priority })}
        >
          {PRIORITIES.map((each) => (
            <option key={each} value={each}>
              {t(`priority.${each}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("form.name")} hint={t("form.nameHint")} error={fields.name} className="col-span-2">
        <Input
          value={options.name ?? ""}
          maxLength={200}
          onChange={(event) => onChange({ ...options, name: event.target.value || null })}
        />
      </Field>
      <label className="col-span-2 flex items-center gap-2" htmlFor="hold-back">
        <Checkbox
          id="hold-back"
          checked={options.hold ?? false}
          onChange={(event) => onChange({ ...options, hold: event.target.checked })}
        />
        {t("form.hold")}
      </label>
    </div>
  );
}

function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
