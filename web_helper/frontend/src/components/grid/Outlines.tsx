import { memo } from "react";
import type { ClassDefinition } from "@/api/projects";
import type { Outline, TaskCard } from "@/api/tasks";
import { colorOf } from "@/lib/classColor";

/** The annotations over a thumbnail: one path for each class, whatever the number of shapes. */
export const Outlines = memo(function Outlines({ card, classes }: { card: TaskCard; classes: ClassDefinition[] }) {
  if (!card.width || !card.height || card.outlines.length === 0) return null;
  const dot = Math.max(card.width, card.height) / 60;
  return (
    <svg
      viewBox={`0 0 ${card.width} ${card.height}`}
      preserveAspectRatio="xMidYMid meet"
      className="pointer-events-none absolute inset-0 size-full"
      aria-hidden="true"
    >
      {[...pathsByClass(card.outlines, dot)].map(([category, path]) => (
        <path
          key={category}
          d={path}
          stroke={colorOf(category, classes)}
          strokeWidth={2}
          fill="none"
          vectorEffect="non-scaling-stroke"
        />
      ))}
    </svg>
  );
});

export function pathsByClass(outlines: readonly Outline[], dot: number): Map<string, string> {
  const paths = new Map<string, string>();
  for (const outline of outlines) {
    paths.set(outline.category, (paths.get(outline.category) ?? "") + pathOf(outline, dot));
  }
  return paths;
}

function pathOf({ bbox, polygons, keypoints }: Outline, dot: number): string {
  if (polygons?.length) return polygons.map(polygonPath).join("");
  if (keypoints?.length) {
    const points = Array.from({ length: Math.floor(keypoints.length / 2) }, (_, at) =>
      keypoints.slice(at * 2, at * 2 + 2),
    );
    return points.map(([x, y]) => `M${(x ?? 0) - dot} ${y}h${dot * 2}M${x} ${(y ?? 0) - dot}v${dot * 2}`).join("");
  }
  const [x, y, width, height] = bbox ?? [];
  return x === undefined ? "" : `M${x} ${y}h${width}v${height}h${-(width ?? 0)}z`;
}

function polygonPath(points: readonly number[]): string {
  return points.length < 4 ? "" : `M${points.join(" ")}z`;
}
