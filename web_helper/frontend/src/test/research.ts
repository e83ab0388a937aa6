/** Experiments, components and devices as the server answers them, for the tests of their views. */
import { HttpResponse, http } from "msw";
import type { ComponentSummary, VersionStory } from "@/api/components";
import type { ExperimentDetail } from "@/api/experiments";
import type { Notification } from "@/api/notifications";

export const HOSTILE = '<img src=x onerror="alert(1)">';
export const OLD = "1111111111111111";
export const NEW = "2222222222222222";
const WHEN = "2026-01-02T03:04:05Z";

/** One answer in its envelope. */
export function answer(method: "get" | "post", path: string, data: unknown, message = "ok") {
  const body = { data, meta: { message, timestamp: WHEN, version: "1.0" } };
  return http[method](`*${path}`, () => HttpResponse.json(body as object));
}

/** A refusal in the server's words. */
export function refusal(
  method: "get" | "post" | "delete",
  path: string,
  status: number,
  message: string,
  field?: string,
) {
  const details = field === undefined ? null : [{ field, message }];
  const body = { error: { code: "REFUSED", message, details }, meta: { request_id: "r7", timestamp: WHEN } };
  return http[method](`*${path}`, () => HttpResponse.json(body, { status }));
}

/** A server that never answers. */
export function silence(path: string) {
  return http.get(`*${path}`, () => new Promise<never>(() => undefined));
}

export function summary(path: string, changes: Partial<ComponentSummary> = {}): ComponentSummary {
  const [category = "", file = ""] = path.split("/");
  const name = file.replace(".py", "");
  return { path, category, name, active_hash: NEW, version_count: 2, updated_at: WHEN, ...changes };
}

export function version(hash: string, changes: Partial<VersionStory> = {}): VersionStory {
  return {
    hash,
    sha256: hash.repeat(4),
    is_active: false,
    aliases: [],
    created_at: WHEN,
    added_by: "ada@example.org",
    kind: "upload",
    reason: "",
    moves: [],
    experiment_count: 0,
    ...changes,
  };
}

export function experiment(changes: Partial<ExperimentDetail> = {}): ExperimentDetail {
  return {
    uid: "run1",
    name: "digits",
    project: "vision",
    status: "completed",
    priority: "normal",
    wanted_device: null,
    device: "gpu-1",
    attempt: 1,
    seed: 7,
    grid: 0,
    grid_size: 1,
    choices: [],
    reproduces: null,
    user: "ada@example.org",
    message: "",
    exit_code: 0,
    component_count: 1,
    created_at: WHEN,
    started_at: WHEN,
    finished_at: "2026-01-02T03:05:05Z",
    expires_at: null,
    components: { "model/net.py": { hash: NEW, sha256: "a".repeat(64) } },
    manifest: null,
    ...changes,
  };
}

export function question(changes: Partial<Notification> = {}): Notification {
  return {
    id: 3,
    host_id: "gpu-1",
    path: "model/net.py",
    conflict_type: "local_newer",
    local_hash: OLD,
    server_hash: NEW,
    local_sha256: "a".repeat(64),
    server_sha256: "b".repeat(64),
    message: "",
    status: "pending",
    resolution: null,
    answered_by: null,
    outcome: "",
    created_at: WHEN,
    answered_at: null,
    ...changes,
  };
}
