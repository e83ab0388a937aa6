/** Which tasks are selected: single ones, and ranges from the last one that was touched. */
import { useCallback, useRef, useState } from "react";

// What one request takes.
export const MAX_SELECTED = 1000;

export interface Selection {
  ids: ReadonlySet<number>;
  isCut: boolean;
  toggle: (index: number, id: number) => void;
  /** Add what lies between the last touched place and this one; `idsBetween` may have to ask the server. */
  extend: (index: number, idsBetween: (from: number, to: number) => Promise<number[]>) => Promise<void>;
  clear: () => void;
}

export function useSelection(): Selection {
  const [ids, setIds] = useState<ReadonlySet<number>>(new Set());
  const [isCut, setIsCut] = useState(false);
  const anchor = useRef(0);

  const take = useCallback((change: (ids: Set<number>) => void) => {
    setIds((before) => {
      const after = new Set(before);
      change(after);
      const cut = after.size > MAX_SELECTED;
      setIsCut(cut);
      return cut ? new Set([...after].slice(0, MAX_SELECTED)) : after;
    });
  }, []);

  const toggle = useCallback(
    (index: number, id: number) => {
      anchor.current = index;
      take((after) => {
        if (!after.delete(id)) after.add(id);
      });
    },
    [take],
  );
  const extend = useCallback<Selection["extend"]>(
    async (index, idsBetween) => {
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      const found = await idsBetween(from, Math.min(to, from + MAX_SELECTED));
      take((after) => {
        for (const id of found) after.add(id);
      });
    },
    [take],
  );
  const clear = useCallback(() => {
    setIds(new Set());
    setIsCut(false);
  }, []);
  return { ids, isCut, toggle, extend, clear };
}
