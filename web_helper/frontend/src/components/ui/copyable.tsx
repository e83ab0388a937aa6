import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";

/** A command or a key with a button that copies it. */
export function Copyable({ text, label, doneLabel }: { text: string; label: string; doneLabel: string }) {
  const [isDone, setIsDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setIsDone(true);
  };
  return (
    <div className="flex items-start gap-2 rounded-md border bg-muted/50 py-1 pr-1 pl-3 text-left">
      <code className="min-w-0 flex-1 py-1.5 font-mono text-[13px] break-all whitespace-pre-wrap">{text}</code>
      <Button variant="ghost" size="icon" aria-label={isDone ? doneLabel : label} onClick={copy}>
        {isDone ? <Check /> : <Copy />}
      </Button>
    </div>
  );
}
