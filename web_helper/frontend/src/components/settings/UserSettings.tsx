import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { createUser, userQueries } from "@/api/accounts";
import { QueryFailure } from "@/components/QueryFailure";
import { FormDialog, fieldError, useAdding } from "@/components/settings/FormDialog";
import { SectionFrame, type SectionProps } from "@/components/settings/SectionFrame";
import { UserTable } from "@/components/settings/UserTable";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Checkbox, Input } from "@/components/ui/input";
import { Empty, Loading } from "@/components/ui/states";

const route = getRouteApi("/shell/settings/$section");
const FIELDS = ["email", "name"] as const;

export function UserSettings({ me }: SectionProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [isAdding, setIsAdding] = useState(false);
  const users = useInfiniteQuery(userQueries.list(q));
  return (
    <SectionFrame
      title={t("sections.users")}
      description={t("users.description")}
      actions={
        me.is_admin && (
          <Button variant="primary" onClick={() => setIsAdding(true)}>
            <Plus />
            {t("users.add")}
          </Button>
        )
      }
    >
      <Input
        type="search"
        aria-label={t("users.search")}
        placeholder={t("users.search")}
        className="max-w-sm"
        defaultValue={q}
        onChange={(event) => void navigate({ search: { q: event.target.value.trim() }, replace: true })}
      />
      {users.data ? (
        users.data.length > 0 ? (
          <UserTable users={users.data} me={me} />
        ) : (
          <Empty title={t("users.none")} />
        )
      ) : users.error ? (
        <QueryFailure error={users.error} onRetry={() => void users.refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
      {users.hasNextPage && (
        <Button className="justify-self-start" disabled={users.isFetching} onClick={() => void users.fetchNextPage()}>
          {common("more")}
        </Button>
      )}
      <AddUser open={isAdding} onOpenChange={setIsAdding} />
    </SectionFrame>
  );
}

function AddUser(dialog: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation("settings");
  const adding = useAdding(dialog, send, userQueries.all);
  return (
    <FormDialog title={t("users.add")} submitLabel={t("users.add")} fields={FIELDS} {...adding}>
      <Field label={t("users.email")} error={fieldError(adding.error, "email")}>
        <Input name="email" autoComplete="off" />
      </Field>
      <Field label={t("users.name")} error={fieldError(adding.error, "name")}>
        <Input name="name" autoComplete="off" />
      </Field>
      <label className="flex items-center gap-2">
        <Checkbox name="is_admin" />
        {t("users.isAdmin")}
      </label>
    </FormDialog>
  );
}

function send(form: FormData) {
  return createUser({
    email: String(form.get("email")),
    name: String(form.get("name")),
    is_admin: form.get("is_admin") !== null,
  });
}
