import { type PointerEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ClassDefinition } from "@/api/projects";
import type { Point } from "@/lib/annotations";
import { colorOf } from "@/lib/classColor";

interface KeypointToolProps {
  width: number;
  height: number;
  zoom: number;
  category: string;
  classes: ClassDefinition[];
  onDone: (points: Point[]) => void;
}

/** Takes a point for each click, in the class's order; done when the class has no more, or with Enter. */
export function KeypointTool({ width, height, zoom, category, classes, onDone }: KeypointToolProps) {
  const { t } = useTranslation("tasks");
  const [points, setPoints] = useState<Point[]>([]);
  const names = classes.find((each) => each.name === category)?.keypoints ?? [];
  useEffect(() => {
    const end = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || points.length === 0) return;
      event.preventDefault();
      onDone(points);
      setPoints([]);
    };
    addEventListener("keydown", end);
    return () => removeEventListener("keydown", end);
  }, [points, onDone]);
  const add = (event: PointerEvent<SVGSVGElement>) => {
    const frame = event.currentTarget.getBoundingClientRect();
    const point: Point = [
      ((event.clientX - frame.x) / frame.width) * width,
      ((event.clientY - frame.y) / frame.height) * height,
    ];
    const next = [...points, point];
    if (next.length === names.length) {
      onDone(next);
      setPoints([]);
    } else setPoints(next);
  };
  const name = names[points.length];
  return (
    <>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        className="absolute inset-0 z-10 size-full cursor-crosshair"
        onPointerUp={add}
        aria-hidden="true"
      >
        {points.map(([x, y]) => (
          <circle
            key={`${x},${y}`}
            cx={x}
            cy={y}
            r={5 / zoom}
            fill={colorOf(category, classes)}
            stroke="white"
            strokeWidth={1 / zoom}
          />
        ))}
      </svg>
      <output className="sr-only">
        {name ? t("editor.hint.keypoints", { next: name }) : t("editor.hint.keypointsFree")}
      </output>
    </>
  );
}
