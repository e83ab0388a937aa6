import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changeStorage, deleteStorage, type Storage, storageQueries } from "@/api/storages";
import { QueryFailure } from "@/components/QueryFailure";
import { AddStorage } from "@/components/settings/AddStorage";
import { SectionFrame, type SectionProps } from "@/components/settings/SectionFrame";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Empty, Loading } from "@/components/ui/states";
import { Table, Td, Th, Tr } from "@/components/ui/table";

const HIDDEN = "********";
const PLACE = ["bucket_name", "root_path", "location", "endpoint_url"];

export function StorageSettings({ me }: SectionProps) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const [isAdding, setIsAdding] = useState(false);
  const { data, error, refetch } = useQuery(storageQueries.list());
  return (
    <SectionFrame
      title={t("sections.storages")}
      description={t("storages.description")}
      actions={
        me.is_admin && (
          <Button variant="primary" onClick={() => setIsAdding(true)}>
            <Plus />
            {t("storages.add")}
          </Button>
        )
      }
    >
      {data ? (
        data.length > 0 ? (
          <StorageTable storages={data} isAdmin={me.is_admin} />
        ) : (
          <Empty title={t("storages.none")} />
        )
      ) : error ? (
        <QueryFailure error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading label={common("loading")} />
      )}
      <AddStorage open={isAdding} onOpenChange={setIsAdding} />
    </SectionFrame>
  );
}

function StorageTable({ storages, isAdmin }: { storages: Storage[]; isAdmin: boolean }) {
  const { t } = useTranslation("settings");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [asked, setAsked] = useState<Storage | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: storageQueries.all });
  const change = useMutation({ mutationFn: changeStorage, onSettled: refresh });
  const remove = useMutation({ mutationFn: deleteStorage, onSettled: refresh });
  const error = change.error ?? remove.error;
  return (
    <>
      {error && <QueryFailure error={error} />}
      <Table label={t("storages.list")}>
        <thead>
          <tr>
            <Th>{t("storages.name")}</Th>
            <Th>{t("storages.provider")}</Th>
            <Th>{t("storages.place")}</Th>
            <Th>
              <span className="sr-only">{t("storages.isDefault")}</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {storages.map((storage) => (
            <Tr key={storage.id}>
              <Td>
                <span className="flex items-center gap-2">
                  <span className="font-medium break-words">{storage.name}</span>
                  {storage.is_default && (
                    <Badge tone="info">
                      <CircleCheck aria-hidden />
                      {t("storages.default")}
                    </Badge>
                  )}
                </span>
              </Td>
              <Td>{t(`storages.providers.${storage.provider}`, { defaultValue: storage.provider })}</Td>
              <Td className="min-w-40 font-mono text-[13px] break-all">{placeOf(storage) ?? t("storages.hidden")}</Td>
              <Td className="text-right whitespace-nowrap">
                {isAdmin && !storage.is_default && (
                  <span className="inline-flex gap-2">
                    <Button
                      size="small"
                      aria-label={t("storages.makeDefaultNamed", { name: storage.name })}
                      disabled={change.isPending}
                      onClick={() => change.mutate({ id: storage.id, is_default: true })}
                    >
                      {t("storages.makeDefault")}
                    </Button>
                    <Button
                      size="small"
                      aria-label={t("storages.deleteNamed", { name: storage.name })}
                      onClick={() => setAsked(storage)}
                    >
                      {common("delete")}
                    </Button>
                  </span>
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      <Confirm
        title={t("storages.deleteTitle", { name: asked?.name })}
        description={t("storages.deleteText")}
        confirmLabel={common("delete")}
        cancelLabel={common("cancel")}
        open={asked !== null}
        onOpenChange={(open) => !open && setAsked(null)}
        onConfirm={() => asked && remove.mutate(asked.id)}
      />
    </>
  );
}

/** What of its configuration the server shows of where it is. */
function placeOf(storage: Storage): string | undefined {
  const shown = PLACE.map((name) => storage.configuration[name]).filter(
    (value) => typeof value === "string" && value !== HIDDEN,
  );
  return shown.length > 0 ? shown.join(" ") : undefined;
}
