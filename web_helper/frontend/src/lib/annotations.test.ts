import { expect, test } from "vitest";
import { step } from "@/components/editor/useHistory";
import { targetOf } from "@/components/grid/moves";
import { pathsByClass } from "@/components/grid/Outlines";
import { type Drawn, dataOf, drawnOf, freeId, moved, resized, withKeypoint, withPolygon } from "@/lib/annotations";
import { colorOf } from "@/lib/classColor";
import { countsOf, eachRun } from "@/lib/rle";

test("what is not edited is sent as it was read", () => {
  const data = { note: 1, annotations: [{ category: "a", own: { x: 1 }, attributes: { occluded: true } }] };
  expect(dataOf(drawnOf(data), data)).toEqual(data);
});

test("new annotations get an id that nobody has", () => {
  expect(freeId(drawnOf({ annotations: [{ category: "a", id: 4 }, { category: "b" }] }))).toBe(5);
  expect(typeof freeId(drawnOf({ annotations: [{ category: "a", id: "x" }] }))).toBe("string");
});

test("shapes move with all that they are made of, masks stay", () => {
  const shape = {
    category: "a",
    score: 1,
    bbox: [1, 2, 3, 4] as [number, number, number, number],
    keypoints: [1, 2, 2],
  };
  expect(moved(shape, 10, 20)).toEqual({ category: "a", bbox: [11, 22, 3, 4], keypoints: [11, 22, 2] });
  const mask = { category: "a", segmentation: { counts: [1, 2], size: [3, 1] as [number, number] } };
  expect(moved(mask, 1, 1)).toBe(mask);
  expect(resized({ category: "a", bbox: [0, 0, 2, 2] }, -9, 1).bbox).toEqual([0, 0, 1, 3]);
});

test("a polygon brings its box along, a keypoint keeps its visibility", () => {
  expect(
    withPolygon({ category: "a" }, [
      [0, 0],
      [4, 0],
      [4, 3],
    ]),
  ).toEqual({
    category: "a",
    bbox: [0, 0, 4, 3],
    segmentation: [[0, 0, 4, 0, 4, 3]],
  });
  expect(withKeypoint({ category: "a", keypoints: [1, 1, 2, 5, 5, 1] }, 1, [7, 8]).keypoints).toEqual([
    1, 1, 2, 7, 8, 1,
  ]);
});

test("compressed masks are those of pycocotools", () => {
  // pycocotools.mask.frPyObjects of these counts.
  expect(countsOf("52203")).toEqual([5, 2, 2, 2, 5]);
  const runs: number[][] = [];
  eachRun({ counts: [2, 4, 1], size: [3, 3] }, (...run) => runs.push(run));
  expect(runs).toEqual([
    [0, 2, 1],
    [1, 0, 3],
  ]);
});

test("every step can be taken back and done again", () => {
  const [one, two]: Drawn[][] = [[], [{ key: "a", annotation: { category: "a" } }]];
  const changed = step({ past: [], present: one ?? [], future: [] }, { type: "change", next: two ?? [] });
  const back = step(changed, { type: "undo" });
  expect(back.present).toBe(one);
  expect(step(back, { type: "redo" }).present).toBe(two);
  expect(step(back, { type: "undo" })).toBe(back);
});

test("keys lead through the grid and not beyond it", () => {
  const place = { current: 5, count: 12, columns: 5, pageRows: 3 };
  expect(targetOf("ArrowDown", place)).toBe(10);
  expect(targetOf("ArrowUp", place)).toBe(0);
  expect(targetOf("PageDown", place)).toBe(11);
  expect(targetOf("End", place)).toBe(11);
  expect(targetOf("a", place)).toBeUndefined();
});

test("a class has one path over a thumbnail and one colour everywhere", () => {
  const box = { category: "a", shape: "bbox" as const, bbox: [0, 0, 1, 1] };
  expect(pathsByClass([box, box], 1).size).toBe(1);
  const classes = [{ id: 1, name: "a" }];
  expect(colorOf("a", classes)).toBe(colorOf("a", classes));
  expect(colorOf("a", [{ id: 1, name: "a", color: "#ff0000" }])).toBe("#ff0000");
  expect(colorOf("a", [{ id: 1, name: "a", color: "url(x)" }])).not.toContain("url");
});
