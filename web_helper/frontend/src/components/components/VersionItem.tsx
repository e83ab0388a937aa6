import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Check, MoreHorizontal } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { VersionStory } from "@/api/components";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { When } from "@/components/When";
import { cn } from "@/lib/cn";

interface VersionItemProps {
  path: string;
  version: VersionStory;
  /** What it can be compared with. */
  others: readonly VersionStory[];
  isShown: boolean;
  onAsk: (what: "activate" | "alias" | "uses") => void;
}

export function VersionItem({ path, version, others, isShown, onAsk }: VersionItemProps) {
  const { t } = useTranslation("components");
  const hash = version.hash.slice(0, 8);
  const nobody = t("history.unknown");
  return (
    <li className={cn("grid gap-1.5 rounded-lg border bg-card p-3", isShown && "border-primary")}>
      <div className="flex flex-wrap items-center gap-1.5">
        <Link
          from="/components"
          to="/components"
          search={(before) => ({ ...before, hash: version.hash, from: undefined })}
          aria-label={t("history.show", { hash })}
          aria-current={isShown ? "true" : undefined}
          className="font-mono text-[13px] font-medium text-primary underline-offset-4 hover:underline"
        >
          {hash}
        </Link>
        {version.aliases.map((alias) => (
          <Badge key={alias} tone={alias === "active" ? "success" : "info"}>
            {alias === "active" && <Check aria-hidden />}
            {alias === "active" ? t("active") : alias}
          </Badge>
        ))}
        <span className="ml-auto text-xs text-muted-foreground">
          <When iso={version.created_at} />
        </span>
      </div>
      <p className="text-xs text-muted-foreground">{t("history.added", { user: version.added_by ?? nobody })}</p>
      {version.reason && <p className="break-words">{version.reason}</p>}
      <Moves version={version} nobody={nobody} />
      <button
        type="button"
        onClick={() => onAsk("uses")}
        disabled={version.experiment_count === 0}
        className="justify-self-start text-xs text-primary underline-offset-4 enabled:hover:underline disabled:text-muted-foreground"
      >
        {t("history.uses", { count: version.experiment_count })}
      </button>
      <Actions path={path} version={version} others={others} isShown={isShown} onAsk={onAsk} />
    </li>
  );
}

function Moves({ version, nobody }: { version: VersionStory; nobody: string }) {
  const { t } = useTranslation("components");
  const moves = version.moves.slice(0, 3);
  if (moves.length === 0) return null;
  return (
    <ul className="grid gap-0.5 text-xs text-muted-foreground">
      {moves.map((move) => (
        <li key={`${move.change_set_id}:${move.alias}`}>
          {t("history.became", { alias: move.alias, user: move.user ?? nobody })} · <When iso={move.moved_at} />
          {move.reason && move.reason !== version.reason && (
            <span className="block break-words text-foreground">{move.reason}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Actions({ path, version, others, isShown, onAsk }: VersionItemProps) {
  const { t } = useTranslation("components");
  const navigate = useNavigate({ from: "/components" });
  const { from } = useSearch({ from: "/shell/components" });
  const hash = version.hash.slice(0, 8);
  const addToSet = () => {
    const mine = (each: string) => each.startsWith(`${path}@`);
    navigate({
      search: (before) => ({
        ...before,
        set: [...(before.set ?? []).filter((each) => !mine(each)), `${path}@${version.hash}`],
      }),
    });
  };
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      {!version.is_active && (
        <Button size="small" aria-label={t("history.activateOf", { hash })} onClick={() => onAsk("activate")}>
          {t("history.activate")}
        </Button>
      )}
      {others.length > 0 && (
        <Select
          aria-label={t("history.compareOf", { hash })}
          className="h-8 w-40 pr-6 text-[13px]"
          value={isShown ? (from ?? "") : ""}
          onChange={(event) =>
            navigate({
              search: (before) => ({ ...before, hash: version.hash, from: event.target.value || undefined }),
            })
          }
        >
          <option value="">{t("history.compare")}</option>
          {others.map((other) => (
            <option key={other.hash} value={other.hash}>
              {other.hash.slice(0, 8)}
            </option>
          ))}
        </Select>
      )}
      <Menu>
        <MenuTrigger asChild>
          <Button variant="ghost" size="icon" className="ml-auto size-8" aria-label={t("history.actions", { hash })}>
            <MoreHorizontal />
          </Button>
        </MenuTrigger>
        <MenuContent>
          <MenuItem onSelect={addToSet}>{t("history.addToSet")}</MenuItem>
          <MenuItem onSelect={() => onAsk("alias")}>{t("history.alias")}</MenuItem>
        </MenuContent>
      </Menu>
    </div>
  );
}
