import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/ui/dialog";

const KEYS = [
  ["PageDown PageUp", "next"],
  ["V B P K", "tools"],
  ["] [", "cycle"],
  ["1 … 9", "class"],
  ["Delete", "remove"],
  ["← ↑ → ↓", "move"],
  ["Alt + ← ↑ → ↓", "resize"],
  ["N", "add"],
  ["Ctrl + Z, Ctrl + Shift + Z", "undo"],
  ["+ - 0", "zoom"],
  ["C", "complete"],
  ["Shift + A, Shift + R", "accept"],
  ["Escape", "escape"],
  ["?", "help"],
] as const;

/** Every key of the editor. */
export function Shortcuts({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { t } = useTranslation(["tasks", "common"]);
  return (
    <Dialog title={t("keys.title")} closeLabel={t("common:close")} open={open} onOpenChange={onOpenChange}>
      <table className="w-full">
        <thead className="sr-only">
          <tr>
            <th scope="col">{t("keys.key")}</th>
            <th scope="col">{t("keys.does")}</th>
          </tr>
        </thead>
        <tbody>
          {KEYS.map(([keys, name]) => (
            <tr key={name}>
              <th scope="row" className="py-1 pr-4 text-left font-mono text-xs font-normal whitespace-nowrap">
                {keys}
              </th>
              <td>{t(`keys.${name}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
