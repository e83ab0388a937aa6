import { expect, test } from "vitest";
import { roundTicks } from "@/lib/metrics";

test("an axis is marked at round numbers within its points", () => {
  const ticks = (...xs: number[]) => roundTicks(xs.map((x) => ({ x })));
  expect(ticks(23, 2760)).toEqual([1000, 2000]);
  expect(ticks(23, 46)).toEqual([25, 30, 35, 40, 45]);
  expect(ticks(1, 2, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(ticks(7)).toEqual([7]);
  expect(ticks()).toEqual([0]);
});
