import { useState } from "react";
import { Input } from "@/components/ui/input";

interface SearchBoxProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** Words to search for. Each is taken at once: one that came later would take back what was clicked meanwhile. */
export function SearchBox({ label, value, onChange }: SearchBoxProps) {
  const [words, setWords] = useState(value ?? "");
  return (
    <search>
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          onChange(event.target.value.trim() || undefined);
        }}
        className="max-w-sm"
      />
    </search>
  );
}
