import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changeUser } from "@/api/accounts";
import { sessionQueries } from "@/api/session";
import { chooseTheme, chosenTheme, THEMES, type Theme } from "@/app/theme";
import { LanguageSelect } from "@/components/LanguageSelect";
import { fieldError } from "@/components/settings/FormDialog";
import { SectionFrame, type SectionProps } from "@/components/settings/SectionFrame";
import { Button } from "@/components/ui/button";
import { Card, CardTitle } from "@/components/ui/card";
import { Field } from "@/components/ui/field";
import { Input, Select } from "@/components/ui/input";

export function ProfileSettings({ me }: SectionProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: (name: string) => changeUser({ id: me.id, name }),
    onSuccess: (user) => queryClient.setQueryData(sessionQueries.me().queryKey, user),
  });
  return (
    <SectionFrame title={t("sections.profile")} description={t("profile.description")}>
      <Card>
        <form
          className="grid max-w-md gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate(String(new FormData(event.currentTarget).get("name")));
          }}
        >
          <Field label={t("profile.email")}>
            <Input value={me.email} readOnly disabled />
          </Field>
          <Field label={t("profile.name")} error={fieldError(save.error, "name") ?? save.error?.message}>
            <Input name="name" defaultValue={me.name} autoComplete="name" />
          </Field>
          <div className="flex items-center gap-3">
            <Button type="submit" variant="primary" disabled={save.isPending}>
              {common("save")}
            </Button>
            <span role="status" className="text-muted-foreground">
              {save.isSuccess && t("profile.saved")}
            </span>
          </div>
        </form>
      </Card>
      <Look />
    </SectionFrame>
  );
}

function Look() {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const [theme, setTheme] = useState<Theme>(chosenTheme);
  const choose = (chosen: Theme) => {
    chooseTheme(chosen);
    setTheme(chosen);
  };
  return (
    <Card>
      <CardTitle>{t("profile.look")}</CardTitle>
      <div className="grid max-w-md gap-4">
        <Field label={common("language")}>
          <LanguageSelect isLabelled />
        </Field>
        <Field label={t("profile.theme")}>
          <Select value={theme} onChange={(event) => choose(event.target.value as Theme)}>
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {t(`profile.themes.${name}`)}
              </option>
            ))}
          </Select>
        </Field>
      </div>
    </Card>
  );
}
