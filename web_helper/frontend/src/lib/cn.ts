import { type ClassValue, clsx } from "clsx";
import { twMerge } from "tailwind-merge";

/** Class names put together; of two that contradict each other, the later holds. */
export function cn(...inputs: ClassValue[]): string {
  return twMerge(clsx(inputs));
}
