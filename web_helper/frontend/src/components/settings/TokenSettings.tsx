import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleOff, Monitor, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { revokeToken, type Token, tokenQueries } from "@/api/accounts";
import { QueryFailure } from "@/components/QueryFailure";
import { CreateToken } from "@/components/settings/CreateToken";
import { SectionFrame, type SectionProps } from "@/components/settings/SectionFrame";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";
import { When } from "@/components/When";

type State = "active" | "revoked" | "expired" | "session";

function stateOf(token: Token): State {
  if (token.revoked_at) return "revoked";
  if (token.expires_at && new Date(token.expires_at) <= new Date()) return "expired";
  return token.session_of ? "session" : "active";
}

export function TokenSettings({ me }: SectionProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const [isCreating, setIsCreating] = useState(false);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetching } = useInfiniteQuery(tokenQueries.mine(me.id));
  return (
    <SectionFrame
      title={t("sections.tokens")}
      description={t("tokens.description")}
      actions={
        <Button variant="primary" onClick={() => setIsCreating(true)}>
          <Plus />
          {t("tokens.create")}
        </Button>
      }
    >
      {data ? (
        data.length > 0 ? (
          <TokenTable tokens={data} />
        ) : (
          <Empty title={t("tokens.none")}>{t("tokens.noneHint")}</Empty>
        )
      ) : error ? (
        <QueryFailure error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
      {hasNextPage && (
        <Button className="justify-self-start" disabled={isFetching} onClick={() => void fetchNextPage()}>
          {common("more")}
        </Button>
      )}
      <CreateToken open={isCreating} onOpenChange={setIsCreating} isAdmin={me.is_admin} />
    </SectionFrame>
  );
}

function TokenTable({ tokens }: { tokens: Token[] }) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [asked, setAsked] = useState<Token | null>(null);
  const revoke = useMutation({
    mutationFn: revokeToken,
    onSettled: () => queryClient.invalidateQueries({ queryKey: tokenQueries.all }),
  });
  return (
    <>
      {revoke.error && <QueryFailure error={revoke.error} />}
      <Table label={t("tokens.list")}>
        <thead>
          <tr>
            <Th>{t("tokens.name")}</Th>
            <Th>{t("tokens.state.title")}</Th>
            <Th>{t("tokens.scopes")}</Th>
            <Th>{t("tokens.created")}</Th>
            <Th>{t("tokens.used")}</Th>
            <Th>{t("tokens.ends")}</Th>
            <Th>
              <span className="sr-only">{t("tokens.revoke")}</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((token) => (
            <TokenRow key={token.id} token={token} onRevoke={() => setAsked(token)} />
          ))}
        </tbody>
      </Table>
      <Confirm
        title={t("tokens.revokeTitle", { name: asked?.name })}
        description={t("tokens.revokeText")}
        confirmLabel={t("tokens.revoke")}
        cancelLabel={common("cancel")}
        open={asked !== null}
        onOpenChange={(open) => !open && setAsked(null)}
        onConfirm={() => asked && revoke.mutate(asked.id)}
      />
    </>
  );
}

function TokenRow({ token, onRevoke }: { token: Token; onRevoke: () => void }) {
  const { t } = useTranslation("settings");
  const state = stateOf(token);
  const isOver = state === "revoked" || state === "expired";
  const Icon = state === "session" ? Monitor : isOver ? CircleOff : CircleCheck;
  return (
    <Tr>
      <Td>
        <span className="block max-w-64 truncate font-medium" title={token.name}>
          {state === "session" ? t("tokens.state.session") : token.name}
        </span>
        <span className="block font-mono text-xs text-muted-foreground">
          <span className="sr-only">{t("tokens.key")} </span>
          {token.prefix}…
        </span>
      </Td>
      <Td>
        <Badge tone={isOver ? "neutral" : "success"}>
          <Icon aria-hidden />
          {t(`tokens.state.${isOver ? state : "active"}`)}
        </Badge>
      </Td>
      <Td className="whitespace-nowrap">{token.scopes.join(", ")}</Td>
      <Td>
        <When iso={token.created} />
      </Td>
      <Td>{token.last_used_at ? <When iso={token.last_used_at} /> : t("tokens.never")}</Td>
      <Td>{token.expires_at ? <When iso={token.expires_at} /> : t("tokens.never")}</Td>
      <Td className="text-right">
        {!isOver && (
          <Button size="small" aria-label={t("tokens.revokeNamed", { name: token.name })} onClick={onRevoke}>
            {t("tokens.revoke")}
          </Button>
        )}
      </Td>
    </Tr>
  );
}
