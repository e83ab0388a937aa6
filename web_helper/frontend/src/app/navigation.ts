/** What the navigation shows, in order. */
import {
  AppWindow,
  BadgeCheck,
  Blocks,
  BrainCircuit,
  Cpu,
  FlaskConical,
  House,
  Images,
  ListTodo,
  type LucideIcon,
  PackageOpen,
  Puzzle,
  Server,
  Settings,
} from "lucide-react";

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
  {
    label: "group.data",
    entries: [
      { to: "/projects", label: "nav.projects", icon: Images },
      { to: "/ground-truth", label: "nav.truth", icon: BadgeCheck },
      { to: "/exports", label: "nav.exports", icon: PackageOpen },
    ],
  },
  {
    label: "group.models",
    entries: [
      { to: "/plugins", label: "nav.plugins", icon: Blocks },
      { to: "/jobs", label: "nav.jobs", icon: ListTodo },
      { to: "/models", label: "nav.models", icon: BrainCircuit },
      { to: "/serving", label: "nav.serving", icon: Server },
      { to: "/apps", label: "nav.apps", icon: AppWindow },
    ],
  },
  {
    label: "group.research",
    entries: [
      { to: "/experiments", label: "nav.experiments", icon: FlaskConical },
      { to: "/components", label: "nav.components", icon: Puzzle },
      { to: "/devices", label: "nav.devices", icon: Cpu },
    ],
  },
  { label: null, entries: [{ to: "/settings", label: "nav.settings", icon: Settings }] },
];
