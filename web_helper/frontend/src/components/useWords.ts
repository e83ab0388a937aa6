import { useEffect, useRef, useState } from "react";

type Words = string | undefined;

/**
 * Words that are typed into a field and kept in the address. What the address says by itself, by going back or by showing all, is
 * shown; what it says because of earlier keys comes a moment after them, and would take back those that came meanwhile.
 */
export function useWords(value: Words, onChange: (value: Words) => void) {
  const [words, setWords] = useState(value ?? "");
  const sent = useRef<Words[]>([]);
  useEffect(() => {
    const at = sent.current.lastIndexOf(value);
    if (at < 0) setWords(value ?? "");
    sent.current = at < 0 ? [] : sent.current.slice(at + 1);
  }, [value]);
  const send = (text: string) => {
    const next = text.trim() || undefined;
    const last = sent.current.length > 0 ? sent.current.at(-1) : value;
    if (next === last) return;
    sent.current.push(next);
    onChange(next);
  };
  return { words, setWords, send };
}
