/** What can be done to the annotations on the screen, each a step that can be taken back. */
import { useMemo, useRef } from "react";
import type { Geometry } from "@/components/editor/Surface";
import {
  type Annotation,
  type Drawn,
  freeId,
  moved,
  type Point,
  resized,
  withBox,
  withPolygon,
} from "@/lib/annotations";

interface Setting {
  drawn: Drawn[];
  change: (drawn: Drawn[]) => void;
  category: string;
  width: number;
  height: number;
  isReadOnly: boolean;
  select: (key: string | null) => void;
}

export function useEdits(setting: Setting) {
  const latest = useRef(setting);
  latest.current = setting;
  return useMemo(() => {
    const change = (drawn: Drawn[]) => {
      if (latest.current.isReadOnly) return;
      // Two edits may come before the next drawing.
      latest.current = { ...latest.current, drawn };
      latest.current.change(drawn);
    };
    const replace = (key: string, next: (annotation: Annotation) => Annotation) => {
      const { drawn } = latest.current;
      const before = drawn.find((each) => each.key === key);
      if (before === undefined) return;
      const annotation = next(before.annotation);
      // A drag is told twice; it is one step.
      if (JSON.stringify(annotation) === JSON.stringify(before.annotation)) return;
      change(drawn.map((each) => (each === before ? { key, annotation } : each)));
    };
    const add = (key: string, annotation: Annotation) => {
      const { drawn, select } = latest.current;
      change([...drawn, { key, annotation: { ...annotation, id: freeId(drawn) } }]);
      select(key);
    };
    return {
      replace: (key: string, annotation: Annotation) => replace(key, () => annotation),
      reshape: (key: string, geometry: Geometry) =>
        replace(key, (annotation) =>
          "box" in geometry ? withBox(annotation, geometry.box) : withPolygon(annotation, geometry.points),
        ),
      create: (key: string, geometry: Geometry) => {
        const { category } = latest.current;
        add(
          key,
          "box" in geometry
            ? withBox({ type: "bbox", category }, geometry.box)
            : withPolygon({ type: "polygon", category }, geometry.points),
        );
      },
      addBox: () => {
        const { category, width, height } = latest.current;
        const box = withBox({ type: "bbox", category }, [width * 0.4, height * 0.4, width * 0.2, height * 0.2]);
        add(crypto.randomUUID(), box);
      },
      addKeypoints: (points: Point[]) => {
        const { category } = latest.current;
        const keypoints = points.flatMap(([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100, 2]);
        add(crypto.randomUUID(), { type: "keypoints", category, keypoints });
      },
      remove: (key: string) => {
        change(latest.current.drawn.filter((each) => each.key !== key));
        latest.current.select(null);
      },
      move: (key: string, dx: number, dy: number) => replace(key, (annotation) => moved(annotation, dx, dy)),
      resize: (key: string, dx: number, dy: number) => replace(key, (annotation) => resized(annotation, dx, dy)),
    };
  }, []);
}
