import {
  type AnnotoriousOpts,
  createImageAnnotator,
  type ImageAnnotation,
  type ImageAnnotator,
  type Polygon,
  type Rectangle,
  ShapeType,
} from "@annotorious/annotorious";
import "@annotorious/annotorious/annotorious.css";
import "@/components/editor/surface.css";
import { useEffect, useRef } from "react";
import { type Annotation, type Box, boxAround, type Drawn, type Point, pairsOf, typeOf } from "@/lib/annotations";

export type Geometry = { box: Box } | { points: Point[] };

interface SurfaceProps {
  url: string;
  label: string;
  /** Pixels of the annotations for each pixel of the picture: a preview has fewer. */
  scale: number;
  drawn: Drawn[];
  selected: string | null;
  tool: "rectangle" | "polygon" | null;
  onSelect: (key: string | null) => void;
  onCreate: (key: string, geometry: Geometry) => void;
  onChange: (key: string, geometry: Geometry) => void;
}

/** The picture, and Annotorious over it for boxes and single polygons. */
export function Surface(props: SurfaceProps) {
  const { url, label, drawn, selected, tool, scale } = props;
  const host = useRef<HTMLDivElement>(null);
  const annotator = useRef<ImageAnnotator | null>(null);
  const latest = useRef(props);
  latest.current = props;
  // What we do to Annotorious comes back, now or later, as if a person had done it.
  const isByHand = useRef(false);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const image = document.createElement("img");
    image.alt = label;
    image.src = url;
    element.append(image);
    const options: AnnotoriousOpts = { autoSave: true, drawingEnabled: false, drawingMode: "drag" };
    const made = createImageAnnotator(image, options);
    annotator.current = made;
    const harvest = () => {
      if (!isByHand.current) return;
      for (const found of made.getAnnotations()) {
        const { drawn, scale, onChange } = latest.current;
        const known = drawn.find((each) => each.key === found.id);
        const geometry = geometryOf(found, scale);
        if (known && geometry && !isSame(geometry, known.annotation)) onChange(found.id, geometry);
      }
    };
    made.on("createAnnotation", (found) => {
      const geometry = geometryOf(found, latest.current.scale);
      if (geometry) latest.current.onCreate(found.id, geometry);
    });
    made.on("updateAnnotation", harvest);
    made.on("selectionChanged", ([found]) => {
      if (!isByHand.current) return;
      harvest();
      const key = found?.id ?? null;
      if (key !== latest.current.selected && (key === null || latest.current.drawn.some((each) => each.key === key)))
        latest.current.onSelect(key);
    });
    // Annotorious tells of a drag some time after it: one who leaves at once would lose it.
    const afterDrag = () => setTimeout(harvest);
    element.addEventListener("pointerup", afterDrag);
    const byHand = () => {
      isByHand.current = true;
    };
    element.addEventListener("pointerdown", byHand, { capture: true });
    // Its handles call themselves buttons, without a name and without keys: the panel and the arrows are for those.
    const handles = new MutationObserver(() => {
      for (const handle of element.querySelectorAll("[role=button]")) {
        handle.setAttribute("role", "presentation");
        handle.setAttribute("tabindex", "-1");
      }
    });
    handles.observe(element, { childList: true, subtree: true });
    synchronise(made, latest.current);
    return () => {
      element.removeEventListener("pointerup", afterDrag);
      element.removeEventListener("pointerdown", byHand, { capture: true });
      handles.disconnect();
      made.destroy();
      annotator.current = null;
      element.replaceChildren();
    };
  }, [url, label]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `latest` holds the same values.
  useEffect(() => {
    isByHand.current = false;
    if (annotator.current) synchronise(annotator.current, latest.current);
  }, [drawn, selected, scale]);
  useEffect(() => {
    if (tool) annotator.current?.setDrawingTool(tool);
    annotator.current?.setDrawingMode(tool === "polygon" ? "click" : "drag");
    annotator.current?.setDrawingEnabled(tool !== null);
    if (tool === null) annotator.current?.cancelDrawing();
  }, [tool]);
  return <div ref={host} className="synapse-surface" />;
}

/** Whether Annotorious can hold and edit it. */
export function isEditable(annotation: Annotation): boolean {
  const { segmentation, keypoints } = annotation;
  const type = typeOf(annotation);
  if (keypoints?.length) return false;
  if (type === "polygon") return Array.isArray(segmentation) && segmentation.length === 1;
  return type === "bbox" && !segmentation && Boolean(annotation.bbox);
}

function synchronise(made: ImageAnnotator, { drawn, selected, scale }: SurfaceProps) {
  const wanted = drawn.filter((each) => isEditable(each.annotation));
  const keys = new Set(wanted.map((each) => each.key));
  for (const found of made.getAnnotations()) if (!keys.has(found.id)) made.removeAnnotation(found.id);
  for (const { key, annotation } of wanted) {
    const found = made.getAnnotationById(key);
    const geometry = found && geometryOf(found, scale);
    if (geometry && isSame(geometry, annotation)) continue;
    if (found) made.updateAnnotation(shown(key, annotation, scale));
    else made.addAnnotation(shown(key, annotation, scale));
  }
  const held = made.getSelected()[0]?.id ?? null;
  const next = selected !== null && keys.has(selected) ? selected : null;
  if (held === next) return;
  if (next === null) made.cancelSelected();
  else made.setSelected(next, true);
}

function geometryOf({ target: { selector } }: ImageAnnotation, scale: number): Geometry | null {
  if (selector.type === ShapeType.RECTANGLE) {
    const { x, y, w, h } = (selector as Rectangle).geometry;
    return { box: [x * scale, y * scale, w * scale, h * scale] };
  }
  if (selector.type === ShapeType.POLYGON) {
    const { points } = (selector as Polygon).geometry;
    return { points: points.map(([x, y]): Point => [(x ?? 0) * scale, (y ?? 0) * scale]) };
  }
  return null;
}

function isSame(geometry: Geometry, annotation: Annotation): boolean {
  const found = "box" in geometry ? geometry.box : geometry.points.flat();
  const known =
    "box" in geometry ? annotation.bbox : Array.isArray(annotation.segmentation) && annotation.segmentation[0];
  // Half a hundredth of a pixel is what rounding makes.
  return (
    Array.isArray(known) &&
    known.length === found.length &&
    known.every((value, at) => Math.abs(value - (found[at] ?? 0)) < 0.011)
  );
}

function shown(key: string, annotation: Annotation, scale: number): ImageAnnotation {
  const flat = Array.isArray(annotation.segmentation) ? (annotation.segmentation[0] ?? []) : null;
  const [x, y, w, h] = (flat ? boxAround(flat) : (annotation.bbox ?? [0, 0, 0, 0])).map((value) => value / scale);
  const bounds = { minX: x ?? 0, minY: y ?? 0, maxX: (x ?? 0) + (w ?? 0), maxY: (y ?? 0) + (h ?? 0) };
  const geometry = flat
    ? { bounds, points: pairsOf(flat).map(([px, py]) => [px / scale, py / scale]) }
    : { bounds, x: bounds.minX, y: bounds.minY, w: w ?? 0, h: h ?? 0, rot: 0 };
  const type = flat ? ShapeType.POLYGON : ShapeType.RECTANGLE;
  return { id: key, bodies: [], target: { annotation: key, selector: { type, geometry } } } as ImageAnnotation;
}
