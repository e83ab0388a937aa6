/** Where a key leads in a grid. */

interface Place {
  current: number;
  count: number;
  columns: number;
  pageRows: number;
}

/** The place that a key goes to; undefined when it is no key that moves. */
export function targetOf(key: string, { current, count, columns, pageRows }: Place): number | undefined {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * pageRows,
    PageDown: columns * pageRows,
    Home: -current,
    End: count - 1 - current,
  };
  const step = steps[key];
  if (step === undefined || count === 0) return undefined;
  return Math.min(Math.max(current + step, 0), count - 1);
}
