import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";

interface RemoveButtonProps {
  /** Names what it removes. */
  label: string;
  question: string;
  description: string;
  disabled?: boolean;
  error: Error | null;
  onRemove: () => void;
}

/** Removes one thing of a list after asking, and says why the server refused. */
export function RemoveButton({ label, question, description, disabled, error, onRemove }: RemoveButtonProps) {
  const { t } = useTranslation();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <>
      <Button variant="ghost" size="icon" aria-label={label} disabled={disabled} onClick={() => setIsAsking(true)}>
        <Trash2 />
      </Button>
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={question}
        description={description}
        confirmLabel={t("delete")}
        cancelLabel={t("cancel")}
        onConfirm={onRemove}
      />
      {error && (
        <p role="alert" className="text-xs text-danger">
          {error.message}
        </p>
      )}
    </>
  );
}
