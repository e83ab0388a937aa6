import { expect, test } from "vitest";
import { formatBytes } from "@/lib/format";

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
