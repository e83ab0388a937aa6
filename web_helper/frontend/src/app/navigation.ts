/** What the navigation shows, in order. */
import { House, type LucideIcon } from "lucide-react";

export interface NavigationEntry {
  to: string;
  /** Key of its words in the catalogue `common`. */
  label: `nav.${string}`;
  icon: LucideIcon;
}

export interface NavigationGroup {
  label: `group.${string}` | null;
  entries: NavigationEntry[];
}

export const NAVIGATION: NavigationGroup[] = [
  { label: null, entries: [{ to: "/", label: "nav.home", icon: House }] },
  { label: "group.data", entries: [] },
  { label: "group.models", entries: [] },
  { label: "group.research", entries: [] },
];
