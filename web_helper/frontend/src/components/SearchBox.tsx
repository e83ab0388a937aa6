import { useEffect, useState } from "react";
import { Input } from "@/components/ui/input";

const PAUSE_MS = 300;

interface SearchBoxProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** Words to search for, taken when one stops typing. */
export function SearchBox({ label, value, onChange }: SearchBoxProps) {
  const [words, setWords] = useState(value ?? "");
  useEffect(() => {
    const next = words.trim() || undefined;
    if (next === value) return;
    const timer = setTimeout(() => onChange(next), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [words, value, onChange]);
  return (
    <search>
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        value={words}
        onChange={(event) => setWords(event.target.value)}
        className="max-w-sm"
      />
    </search>
  );
}
