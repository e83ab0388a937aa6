/**
 * In place of `react-remove-scroll` (vite.config.ts), which Radix wraps its dialogs and menus in: that one writes a style
 * sheet into the page, which the Content-Security-Policy forbids. Nothing has to be held: only `main` scrolls, and what
 * lies over it does not pass the wheel on.
 */
import { type ElementType, type ReactNode, type Ref, useImperativeHandle, useRef } from "react";

interface RemoveScrollProps {
  as?: ElementType;
  children?: ReactNode;
  ref?: Ref<HTMLElement>;
}

export function RemoveScroll({ as: Wrapper = "div", children, ref }: RemoveScrollProps) {
  const inner = useRef<HTMLElement>(null);
  useImperativeHandle(ref, () => inner.current as HTMLElement);
  return <Wrapper ref={inner}>{children}</Wrapper>;
}
