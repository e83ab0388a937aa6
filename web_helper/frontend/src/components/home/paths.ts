import type { WorkItem } from "@/api/home";

const LISTS = { export: "/exports", snapshot: "/ground-truth", job: "/jobs", experiment: "/experiments" } as const;

/** Where one looks at something that runs. A snapshot has no page of its own. */
export function pathOf(item: WorkItem): string {
  const list = LISTS[item.kind];
  return item.kind === "snapshot" ? list : `${list}/${encodeURIComponent(item.id)}`;
}
