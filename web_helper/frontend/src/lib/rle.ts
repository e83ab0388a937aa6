/** Masks as run lengths, in columns, as COCO writes them: plain, or in its compressed string form. */
import type { Rle } from "@/lib/annotations";

export function countsOf(counts: number[] | string): number[] {
  if (typeof counts !== "string") return counts;
  const decoded: number[] = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more && at < counts.length) {
      const bits = counts.charCodeAt(at) - 48;
      value |= (bits & 0x1f) << shift;
      more = (bits & 0x20) !== 0;
      at += 1;
      shift += 5;
      if (!more && bits & 0x10 && shift < 32) value |= -1 << shift;
    }
    // From the third on, they are differences to the one two places before.
    if (decoded.length > 2) value += decoded[decoded.length - 2] ?? 0;
    decoded.push(value);
  }
  return decoded;
}

/** Calls for every run of set pixels within one column: its column, first row and length. */
export function eachRun({ counts, size: [height] }: Rle, visit: (x: number, y: number, length: number) => void): void {
  if (height <= 0) return;
  let position = 0;
  countsOf(counts).forEach((count, at) => {
    let left = at % 2 === 1 ? count : 0;
    let start = position;
    while (left > 0) {
      const y = start % height;
      const length = Math.min(left, height - y);
      visit(Math.floor(start / height), y, length);
      start += length;
      left -= length;
    }
    position += count;
  });
}
