import { expect, test } from "vitest";
import { formatBytes, roundedApart } from "@/lib/format";

test("sizes are in the unit that keeps them short, and one byte is no bytes", () => {
  expect([1, 92, 1_000, 139_512, 2_000_000].map((size) => formatBytes(size, "en"))).toEqual([
    "1 byte",
    "92 bytes",
    "1 kB",
    "139.5 kB",
    "2 MB",
  ]);
  expect(formatBytes(92, "ko")).toBe("92바이트");
});

test("measurements have as many digits as tell them apart", () => {
  const shown = (a: number | null, b: number | null) => [a, b].map(roundedApart(a, b));
  expect(shown(0.7620817241461381, 1.3638081446937893)).toEqual([0.7621, 1.364]);
  expect(shown(0.9722222222222222, 0.9722232222222222)).toEqual([0.972222, 0.972223]);
  expect(shown(0.1, 0.1 + 2 ** -56)).toEqual([0.1, 0.1 + 2 ** -56]);
  expect(shown(123456.7, 200000.1)).toEqual([123457, 200000]);
  expect(shown(0.123456, null)).toEqual([0.1235, null]);
  expect(shown(3, 4)).toEqual([3, 4]);
});
