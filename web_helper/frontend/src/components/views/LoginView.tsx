import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { errorOf } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

const route = getRouteApi("/login");

async function logIn(key: string): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/v2/session/", { method: "POST", headers, body: JSON.stringify({ key }) });
  if (!answer.ok) throw errorOf(answer.status, await answer.json());
}

export function LoginView() {
  const { t } = useTranslation();
  const { next } = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const login = useMutation({
    mutationFn: logIn,
    onSuccess: async () => {
      queryClient.clear();
      // A path of ours only: `//host` and `https:` would leave.
      router.history.replace(next?.startsWith("/") && !next.startsWith("//") ? next : "/");
    },
  });
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <form
        className="grid w-full max-w-sm gap-4 rounded-lg border bg-card p-6"
        action={(form) => login.mutate(String(form.get("key")))}
      >
        <h1 className="text-xl font-semibold">{t("login.title")}</h1>
        <Field label={t("login.key")} hint={t("login.hint")} error={login.error?.message}>
          <Input name="key" type="password" autoComplete="current-password" required />
        </Field>
        <Button type="submit" variant="primary" disabled={login.isPending}>
          {t("login.submit")}
        </Button>
      </form>
    </main>
  );
}
