import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import type { ClassDefinition } from "@/api/projects";
import { isEditable } from "@/components/editor/Surface";
import { type Annotation, type Drawn, type Point, triplesOf, withKeypoint } from "@/lib/annotations";
import { colorOf } from "@/lib/classColor";
import { eachRun } from "@/lib/rle";

// A mask's picture needs no more than a screen can show.
const MAX_MASK_SIDE = 2048;

interface LayersProps {
  width: number;
  height: number;
  zoom: number;
  drawn: Drawn[];
  selected: string | null;
  classes: ClassDefinition[];
  isReadOnly: boolean;
  onSelect: (key: string) => void;
  onChange: (key: string, annotation: Annotation) => void;
}

/** What is annotated, in the colours of the classes; keypoints can be dragged. Dashed: from a model, not corrected yet. */
export function Layers(props: LayersProps) {
  const { width, height, zoom, drawn, selected, classes } = props;
  return (
    <>
      <Masks width={width} height={height} drawn={drawn} classes={classes} />
      <svg
        viewBox={`0 0 ${width} ${height}`}
        className="pointer-events-none absolute inset-0 size-full"
        aria-hidden="true"
      >
        {drawn.map(({ key, annotation }) => (
          <Shape
            key={key}
            annotation={annotation}
            color={colorOf(annotation.category, classes)}
            zoom={zoom}
            isSelected={key === selected}
          />
        ))}
        {drawn.map(({ key, annotation }) =>
          annotation.keypoints?.length ? <Keypoints key={key} {...props} name={key} annotation={annotation} /> : null,
        )}
      </svg>
    </>
  );
}

interface ShapeProps {
  annotation: Annotation;
  color: string;
  zoom: number;
  isSelected: boolean;
}

function Shape({ annotation, color, zoom, isSelected }: ShapeProps) {
  const { bbox, segmentation, rotation, score, category } = annotation;
  const isHeldElsewhere = isSelected && isEditable(annotation);
  const isProposal = typeof score === "number";
  const stroke = {
    stroke: color,
    strokeWidth: isSelected ? 3 : 2,
    vectorEffect: "non-scaling-stroke" as const,
    strokeDasharray: isProposal ? "6 4" : undefined,
    fill: color,
    fillOpacity: isSelected ? 0.25 : 0.1,
  };
  const [x, y] = bbox ?? (Array.isArray(segmentation) ? segmentation[0] : annotation.keypoints) ?? [];
  const turn = rotation && bbox ? `rotate(${rotation} ${bbox[0] + bbox[2] / 2} ${bbox[1] + bbox[3] / 2})` : undefined;
  return (
    <g>
      {!isHeldElsewhere &&
        (Array.isArray(segmentation)
          ? segmentation.map((ring, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a polygon have no other name.
              <polygon key={at} points={ring.join(" ")} {...stroke} />
            ))
          : bbox && <rect x={bbox[0]} y={bbox[1]} width={bbox[2]} height={bbox[3]} transform={turn} {...stroke} />)}
      {x !== undefined && y !== undefined && (
        <text
          x={x}
          y={y - 4 / zoom}
          fontSize={12 / zoom}
          fill={color}
          stroke="black"
          strokeWidth={3}
          vectorEffect="non-scaling-stroke"
          paintOrder="stroke"
          fontWeight={600}
        >
          {isProposal ? `${category} ${score.toFixed(2)}` : category}
        </text>
      )}
    </g>
  );
}

function Keypoints({
  name,
  annotation,
  classes,
  zoom,
  selected,
  isReadOnly,
  onSelect,
  onChange,
}: LayersProps & { name: string; annotation: Annotation }) {
  const [held, setHeld] = useState<{ at: number; point: Point; isMoved: boolean } | null>(null);
  const color = colorOf(annotation.category, classes);
  const places = triplesOf(annotation.keypoints ?? []).map(([x, y, seen], at) => {
    const [px, py] = held?.at === at ? held.point : [x, y];
    return { x: px, y: py, seen };
  });
  const skeleton = classes.find((each) => each.name === annotation.category)?.skeleton ?? [];
  const placeOf = (event: PointerEvent<SVGElement>): Point => {
    const svg = event.currentTarget.ownerSVGElement;
    const frame = svg?.getBoundingClientRect();
    const box = svg?.viewBox.baseVal;
    if (!frame || !box) return [0, 0];
    return [
      ((event.clientX - frame.x) / frame.width) * box.width,
      ((event.clientY - frame.y) / frame.height) * box.height,
    ];
  };
  return (
    <g>
      {skeleton.map(([one, other]) => {
        const [from, to] = [places[one - 1], places[other - 1]];
        if (!from?.seen || !to?.seen) return null;
        const line = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
        return (
          <line key={`${one}-${other}`} {...line} stroke={color} strokeWidth={2} vectorEffect="non-scaling-stroke" />
        );
      })}
      {places.map(({ x, y, seen }, at) =>
        seen === 0 ? null : (
          <circle
            // biome-ignore lint/suspicious/noArrayIndexKey: a keypoint is its place in the class's order.
            key={at}
            cx={x}
            cy={y}
            r={(name === selected ? 6 : 4) / zoom}
            fill={seen === 1 ? "none" : color}
            stroke={seen === 1 ? color : "white"}
            strokeWidth={2}
            vectorEffect="non-scaling-stroke"
            className={isReadOnly ? undefined : "pointer-events-auto cursor-move"}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              onSelect(name);
              setHeld({ at, point: [x, y], isMoved: false });
            }}
            onPointerMove={(event) => held && setHeld({ at: held.at, point: placeOf(event), isMoved: true })}
            onPointerUp={() => {
              if (held?.isMoved) onChange(name, withKeypoint(annotation, held.at, held.point));
              setHeld(null);
            }}
          />
        ),
      )}
    </g>
  );
}

function Masks({ width, height, drawn, classes }: Pick<LayersProps, "width" | "height" | "drawn" | "classes">) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const masks = useMemo(
    () => drawn.filter(({ annotation }) => annotation.segmentation && !Array.isArray(annotation.segmentation)),
    [drawn],
  );
  const scale = Math.min(1, MAX_MASK_SIDE / Math.max(width, height));
  useEffect(() => {
    const paper = canvas.current?.getContext("2d");
    if (!paper) return;
    paper.clearRect(0, 0, paper.canvas.width, paper.canvas.height);
    for (const { annotation } of masks) {
      const mask = annotation.segmentation;
      if (!mask || Array.isArray(mask)) continue;
      paper.fillStyle = colorOf(annotation.category, classes);
      eachRun(mask, (x, y, length) => paper.fillRect(x * scale, y * scale, Math.max(scale, 0.5), length * scale));
    }
  }, [masks, classes, scale]);
  if (masks.length === 0) return null;
  return (
    <canvas
      ref={canvas}
      width={Math.ceil(width * scale)}
      height={Math.ceil(height * scale)}
      className="pointer-events-none absolute inset-0 size-full opacity-45"
    />
  );
}
