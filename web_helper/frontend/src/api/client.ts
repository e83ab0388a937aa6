/** The one way to the server: typed by its own OpenAPI document, errors as `ApiError`. */
import createClient from "openapi-fetch";
import { noteNoAnswer } from "@/api/connection";
import type { components, paths } from "@/api/schema.gen";

export type Schemas = components["schemas"];

/** What the server, or the way to it, said of a request that failed. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Messages by the name of the field that they are about. */
    readonly fields: Readonly<Record<string, string>> = {},
    readonly requestId?: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The status of an `ApiError` for a server that did not answer. */
export const NO_ANSWER = 0;

// `fetch` is looked up at each call: tests replace it after this module is loaded.
export const api = createClient<paths>({
  baseUrl: globalThis.location.origin,
  credentials: "same-origin",
  fetch: async (request) => {
    try {
      return await globalThis.fetch(request);
    } catch (cause) {
      if (!request.signal.aborted) noteNoAnswer();
      throw cause;
    }
  },
  querySerializer: { array: { style: "form", explode: false } },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer; an `ApiError` of one that failed. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked.catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(NO_ANSWER, "NO_ANSWER", "The server does not answer.");
  });
  if (!answer.response.ok) throw errorOf(answer.response.status, answer.error);
  return answer.data as T;
}

/** An `ApiError` of a status and a body, which is `ErrorResponse` when it is ours. */
export function errorOf(status: number, body: unknown): ApiError {
  if (!isErrorResponse(body)) return new ApiError(status, "UNEXPECTED", `The server answered ${status}.`);
  const { code, message, details } = body.error;
  const fields = Object.fromEntries((details ?? []).map((detail) => [detail.field, detail.message]));
  return new ApiError(status, code, message, fields, body.meta?.request_id);
}

function isErrorResponse(body: unknown): body is Schemas["ErrorResponse"] {
  return typeof body === "object" && body !== null && "error" in body && typeof body.error === "object";
}
