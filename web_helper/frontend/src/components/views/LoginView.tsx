import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { SunMoon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { openSession } from "@/api/session";
import { pathBack } from "@/app/leadToLogin";
import { switchTheme } from "@/app/theme";
import { LanguageSelect } from "@/components/LanguageSelect";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

const route = getRouteApi("/login");

export function LoginView() {
  const { t } = useTranslation();
  const { next } = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const login = useMutation({
    mutationFn: openSession,
    onSuccess: () => {
      queryClient.clear();
      const path = pathBack(next);
      // An app of the playground is a page of its own.
      if (path.startsWith("/playground/")) location.replace(path);
      else router.history.replace(path);
    },
  });
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className="grid w-full max-w-sm gap-4">
        <form
          className="grid gap-4 rounded-lg border bg-card p-6"
          onSubmit={(event) => {
            event.preventDefault();
            login.mutate(String(new FormData(event.currentTarget).get("key")));
          }}
        >
          <h1 className="text-xl font-semibold">{t("login.title")}</h1>
          {next !== undefined && <p className="text-muted-foreground">{t("login.back")}</p>}
          <Field label={t("login.key")} hint={t("login.hint")} error={login.error?.message}>
            <Input name="key" type="password" autoComplete="current-password" required />
          </Field>
          <Button type="submit" variant="primary" disabled={login.isPending}>
            {t("login.submit")}
          </Button>
        </form>
        <div className="flex items-center justify-center gap-2">
          <LanguageSelect className="h-8 w-auto" />
          <Button
            variant="ghost"
            size="icon"
            aria-label={t("theme.switch")}
            title={t("theme.switch")}
            onClick={switchTheme}
          >
            <SunMoon />
          </Button>
        </div>
      </div>
    </main>
  );
}
