import { type PointerEvent, type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

export const MIN_ZOOM = 0.05;
const MAX_ZOOM = 16;
// What browsers can lay out of one picture.
const MAX_SIDE = 20_000;
const MARGIN = 32;

export function clampedZoom(zoom: number, width: number, height: number): number {
  return Math.min(Math.max(zoom, MIN_ZOOM), MAX_ZOOM, MAX_SIDE / Math.max(width, height, 1));
}

export function fitZoom(frame: HTMLElement | null, width: number, height: number): number {
  if (!frame || frame.clientWidth === 0) return 1;
  return clampedZoom(
    Math.min((frame.clientWidth - MARGIN) / width, (frame.clientHeight - MARGIN) / height),
    width,
    height,
  );
}

interface CanvasProps {
  frame: RefObject<HTMLElement | null>;
  width: number;
  height: number;
  zoom: number;
  onZoom: (zoom: number) => void;
  children: ReactNode;
}

/** A frame that scrolls over the picture: the wheel with Ctrl zooms where it points, the middle button drags. */
export function Canvas({ frame, width, height, zoom, onZoom, children }: CanvasProps) {
  const { t } = useTranslation("tasks");
  const paper = useRef<HTMLDivElement>(null);
  const anchor = useRef<{ x: number; y: number; atX: number; atY: number } | null>(null);
  const latest = useRef({ zoom, onZoom });
  latest.current = { zoom, onZoom };

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = paper.current?.getBoundingClientRect();
      if (!box) return;
      const { zoom, onZoom } = latest.current;
      anchor.current = {
        x: (event.clientX - box.x) / zoom,
        y: (event.clientY - box.y) / zoom,
        atX: event.clientX,
        atY: event.clientY,
      };
      onZoom(zoom * Math.exp(-event.deltaY / 300));
    };
    // React's own listeners cannot keep the page from zooming.
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [frame]);

  useLayoutEffect(() => {
    const held = anchor.current;
    const box = paper.current?.getBoundingClientRect();
    if (!held || !box || !frame.current) return;
    frame.current.scrollLeft += box.x + held.x * zoom - held.atX;
    frame.current.scrollTop += box.y + held.y * zoom - held.atY;
    anchor.current = null;
  }, [zoom, frame]);

  const drag = (event: PointerEvent<HTMLElement>) => {
    const element = frame.current;
    if (event.button !== 1 || !element) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    const move = (next: globalThis.PointerEvent) => element.scrollBy(-next.movementX, -next.movementY);
    const stop = () => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", stop);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", stop);
  };
  return (
    <section
      ref={frame}
      aria-label={t("editor.canvas")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
      tabIndex={0}
      onPointerDown={drag}
      className="grid min-h-0 min-w-0 flex-1 overflow-auto bg-muted p-4"
    >
      <div ref={paper} className="relative m-auto shrink-0" style={{ width: width * zoom, height: height * zoom }}>
        {children}
      </div>
    </section>
  );
}
