/** Answers as the server's v2 gives them. */
import { delay, HttpResponse, http, type JsonBodyType } from "msw";

const meta = { request_id: "r1" };

export function pageOf(path: string, data: JsonBodyType[]) {
  const pagination = { next_cursor: null, previous_cursor: null, per_page: 50 };
  return http.get(`*${path}`, () => HttpResponse.json({ data, meta: { ...meta, pagination } }));
}

export function one(path: string, data: JsonBodyType) {
  return http.get(`*${path}`, () => HttpResponse.json({ data, meta }));
}

/** A refusal; `fields` are its messages by field. */
export function refusal(status: number, message: string, fields: Record<string, string> = {}) {
  const details = Object.entries(fields).map(([field, text]) => ({ field, message: text }));
  return HttpResponse.json({ error: { code: "REFUSED", message, details }, meta }, { status });
}

export function failing(path: string) {
  return http.get(`*${path}`, () => refusal(500, "The server failed."));
}

/** An answer that does not come while the test looks. */
export function pending(path: string) {
  return http.get(`*${path}`, async () => {
    await delay("infinite");
    return HttpResponse.json(null);
  });
}
