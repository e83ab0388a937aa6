/** Annotations as the server keeps them (`synapse_sdk.wire.annotations`), and what a person does to them. */

export type ShapeType = "bbox" | "rotated_bbox" | "polygon" | "mask" | "keypoints" | "polyline" | "classification";

export interface Rle {
  counts: number[] | string;
  size: [number, number];
}

export type Box = [number, number, number, number];
export type Point = [number, number];

export interface Annotation {
  id?: number | string | null;
  type?: ShapeType;
  category: string;
  bbox?: Box | null;
  rotation?: number | null;
  segmentation?: number[][] | Rle | null;
  keypoints?: number[] | null;
  area?: number | null;
  score?: number | null;
}

/** An annotation under a name that it keeps while it is edited: its own id may be missing. */
export interface Drawn {
  key: string;
  annotation: Annotation;
}

export interface AnnotationData {
  annotations?: Annotation[];
}

export function drawnOf(data: AnnotationData | null): Drawn[] {
  return (data?.annotations ?? []).map((annotation, at) => ({ key: `${annotation.id ?? "n"}-${at}`, annotation }));
}

/** What is sent: the document as it was read, with these annotations. */
export function dataOf(drawn: readonly Drawn[], read: AnnotationData | null): AnnotationData {
  return { ...read, annotations: drawn.map((each) => each.annotation) };
}

export function typeOf(annotation: Annotation): ShapeType {
  return annotation.type ?? "bbox";
}

/** A number that no annotation has yet; a name where they have names. */
export function freeId(drawn: readonly Drawn[]): number | string {
  const ids = drawn.map((each) => each.annotation.id);
  if (ids.some((id) => typeof id === "string")) return crypto.randomUUID();
  return Math.max(0, ...ids.filter((id) => typeof id === "number")) + 1;
}

/** What a person has changed is a person's: the model's confidence was in something else. */
export function corrected(annotation: Annotation): Annotation {
  const { score: _score, area: _area, ...rest } = annotation;
  return rest;
}

export function withBox(annotation: Annotation, box: Box): Annotation {
  return { ...corrected(annotation), bbox: rounded(box) as Box };
}

export function withPolygon(annotation: Annotation, points: readonly Point[]): Annotation {
  const flat = rounded(points.flat());
  const bbox = annotation.bbox === undefined && annotation.id !== undefined ? {} : { bbox: boxAround(flat) };
  return { ...corrected(annotation), ...bbox, segmentation: [flat] };
}

export function withKeypoint(annotation: Annotation, at: number, [x, y]: Point): Annotation {
  const keypoints = [...(annotation.keypoints ?? [])];
  keypoints.splice(at * 3, 2, ...rounded([x, y]));
  return { ...corrected(annotation), keypoints };
}

export function moved(annotation: Annotation, dx: number, dy: number): Annotation {
  const { bbox, segmentation, keypoints } = annotation;
  // A mask is pixels of the image: it cannot go elsewhere.
  if (segmentation && !Array.isArray(segmentation)) return annotation;
  const shift = (numbers: readonly number[]) => rounded(numbers.map((value, at) => value + (at % 2 ? dy : dx)));
  return {
    ...corrected(annotation),
    ...(bbox ? { bbox: rounded([bbox[0] + dx, bbox[1] + dy, bbox[2], bbox[3]]) as Box } : {}),
    ...(segmentation ? { segmentation: segmentation.map(shift) } : {}),
    ...(keypoints ? { keypoints: triplesOf(keypoints).flatMap(([x, y, v]) => [...rounded([x + dx, y + dy]), v]) } : {}),
  };
}

/** Only a plain box can be made larger without more being said. */
export function resized(annotation: Annotation, dx: number, dy: number): Annotation {
  const { bbox } = annotation;
  if (!bbox || annotation.segmentation || annotation.keypoints) return annotation;
  return withBox(annotation, [bbox[0], bbox[1], Math.max(1, bbox[2] + dx), Math.max(1, bbox[3] + dy)]);
}

export function triplesOf(keypoints: readonly number[]): [number, number, number][] {
  const count = Math.floor(keypoints.length / 3);
  return Array.from({ length: count }, (_, at) => [
    keypoints[at * 3] ?? 0,
    keypoints[at * 3 + 1] ?? 0,
    keypoints[at * 3 + 2] ?? 0,
  ]);
}

export function pairsOf(flat: readonly number[]): Point[] {
  return Array.from({ length: Math.floor(flat.length / 2) }, (_, at) => [flat[at * 2] ?? 0, flat[at * 2 + 1] ?? 0]);
}

export function boxAround(flat: readonly number[]): Box {
  const xs = flat.filter((_, at) => at % 2 === 0);
  const ys = flat.filter((_, at) => at % 2 === 1);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return rounded([left, top, Math.max(...xs) - left, Math.max(...ys) - top]) as Box;
}

/** A hundredth of a pixel is more than a hand can place. */
function rounded(numbers: readonly number[]): number[] {
  return numbers.map((value) => Math.round(value * 100) / 100);
}
