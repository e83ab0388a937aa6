import { Input } from "@/components/ui/input";
import { useWords } from "@/components/useWords";

interface SearchBoxProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** Words to search for. Each is taken at once: one that came later would take back what was clicked meanwhile. */
export function SearchBox({ label, value, onChange }: SearchBoxProps) {
  const { words, setWords, send } = useWords(value, onChange);
  return (
    <search>
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          send(event.target.value);
        }}
        className="max-w-sm"
      />
    </search>
  );
}
