/** What the export form holds, and how it becomes a request: pure, so that the form only shows and changes it. */
import type { ExportParams, ExportRequest, ExportTarget, Format } from "@/api/exports";

export const WORK_STATUSES = ["pending", "in_progress", "completed"] as const;
export const SPLITS = ["none", "shares", "tag"] as const;
export const SHARES = ["train", "val", "test"] as const;

/** What a format can be asked to make of the annotations; the first is what it does by itself. */
export const TASKS: Partial<Record<Format, readonly string[]>> = {
  coco: ["detection", "segmentation", "keypoints"],
  yolo: ["detect", "segment", "pose", "obb"],
};
export const SHARDED: readonly Format[] = ["yolo", "voc"];

export interface Draft {
  target: ExportTarget;
  project: number | undefined;
  version: number | undefined;
  status: string;
  /** Further filters, NAME=VALUE, one a line. */
  filters: string;
  format: Format;
  task: string;
  split: (typeof SPLITS)[number];
  shares: Record<(typeof SHARES)[number], string>;
  hasImages: boolean;
  isStrict: boolean;
  shardItems: string;
  name: string;
  storage: number | undefined;
}

export const EMPTY_DRAFT: Draft = {
  target: "assignment",
  project: undefined,
  version: undefined,
  status: "completed",
  filters: "",
  format: "coco",
  task: "",
  split: "none",
  shares: { train: "80", val: "10", test: "10" },
  hasImages: true,
  isStrict: false,
  shardItems: "",
  name: "",
  storage: undefined,
};

const STATUS_FILTER = { assignment: "status_label", task: "status" } as const;
const VERSION_FILTER = "ground_truth_dataset_version";
const LISTS = new Set(["ids", "ids_ex"]);

type Filter = NonNullable<ExportRequest["filter"]>;

/** The first line that is no filter; null when all are. */
export function badLine(lines: string): string | null {
  return lines.split("\n").find((line) => line.trim() !== "" && !/^[^=\s]+\s*=.+/.test(line.trim())) ?? null;
}

/** The request that the form stands for; null while something needed is not chosen. */
export function requestOf(draft: Draft): ExportRequest | null {
  const isTruth = draft.target === "ground_truth";
  if ((isTruth ? draft.version : draft.project) === undefined || badLine(draft.filters) !== null) return null;
  const task = TASKS[draft.format]?.includes(draft.task) ? draft.task : "";
  return {
    target: draft.target,
    project: isTruth ? null : (draft.project ?? null),
    filter: filterOf(draft),
    format: draft.format,
    options: task ? { task } : {},
    images: draft.hasImages ? "copy" : "none",
    split: splitOf(draft),
    shard_items: SHARDED.includes(draft.format) && draft.shardItems !== "" ? Number(draft.shardItems) : null,
    strict: draft.isStrict,
    storage: draft.storage ?? null,
    name: draft.name.trim() || null,
  };
}

/** The form as it was for a job; its name is its own. */
export function draftOf(params: ExportParams): Draft {
  const { project, [VERSION_FILTER]: version, ...filter } = (params.filter ?? {}) as Record<string, unknown>;
  const statusName = params.target === "ground_truth" ? "" : STATUS_FILTER[params.target];
  const { [statusName]: status, ...others } = filter;
  const isKnown = WORK_STATUSES.some((each) => each === status);
  return {
    ...EMPTY_DRAFT,
    target: params.target,
    project: params.project ?? undefined,
    version: typeof version === "number" ? version : undefined,
    status: isKnown ? String(status) : "",
    filters: Object.entries(isKnown ? others : filter)
      .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`)
      .join("\n"),
    format: params.format,
    task: String((params.options as Record<string, unknown> | undefined)?.task ?? ""),
    split: params.split === "tag" ? "tag" : params.split ? "shares" : "none",
    shares: sharesOf(params.split),
    hasImages: params.images !== "none",
    isStrict: params.strict ?? false,
    shardItems: params.shard_items === null || params.shard_items === undefined ? "" : String(params.shard_items),
    name: params.name ?? "",
    storage: params.storage ?? undefined,
  };
}

function filterOf(draft: Draft): Filter {
  const filter: Filter = {};
  if (draft.target === "ground_truth") filter[VERSION_FILTER] = draft.version ?? null;
  else if (draft.status !== "") filter[STATUS_FILTER[draft.target]] = draft.status;
  for (const line of draft.filters.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) {
      const name = line.slice(0, at).trim();
      filter[name] = filterValue(name, line.slice(at + 1).trim());
    }
  }
  return filter;
}

function filterValue(name: string, text: string): Filter[string] {
  if (LISTS.has(name) || text.includes(",")) return text.split(",").map((part) => scalarOf(name, part.trim()));
  return scalarOf(name, text);
}

function scalarOf(name: string, text: string): string | number | boolean {
  if (name.startsWith("is_") && (text === "true" || text === "false")) return text === "true";
  return name !== "search" && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

function splitOf(draft: Draft): ExportRequest["split"] {
  if (draft.split !== "shares") return draft.split === "tag" ? "tag" : null;
  const named = SHARES.map((name) => [name, Math.round(Number(draft.shares[name]) * 100) / 10_000] as const);
  return Object.fromEntries(named.filter(([, share]) => share !== 0));
}

function sharesOf(split: ExportRequest["split"]): Draft["shares"] {
  if (typeof split !== "object" || split === null) return EMPTY_DRAFT.shares;
  const percent = (share: number | undefined) => String(Math.round((share ?? 0) * 10_000) / 100);
  return { train: percent(split.train), val: percent(split.val), test: percent(split.test) };
}
