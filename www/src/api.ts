/**
 * Requests to the Worker that serves this page, and their errors. The npm package's client is not used because it needs
 * WebAssembly, and the page also works where WebAssembly is disabled.
 */
import type { Errors, MetricsAnswer } from "streamgage";

export const METRICS_PATH = "/v3/customer/metrics/code_fundamentals/period_metrics/";
const CORE = "/v3/customer/core/";

export type ApiErrorKind =
  "invalid-request" | "unauthorized" | "forbidden" | "rate-limited" | "server" | "unreachable" | "unexpected";

export class ApiError extends Error {
  readonly kind: ApiErrorKind;
  /** Seconds until the next attempt, after a 429. */
  readonly retryAfter: number | undefined;
  /** Messages by parameter, after a 400. */
  readonly errors: Errors;

  constructor(kind: ApiErrorKind, message: string, details: { retryAfter?: number; errors?: Errors } = {}) {
    super(message);
    this.kind = kind;
    this.retryAfter = details.retryAfter;
    this.errors = details.errors ?? {};
  }
}

async function get(path: string, key: string, signal: AbortSignal): Promise<unknown> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, { headers: { Authorization: `Bearer ${key}` }, credentials: "omit", signal });
    const text = await response.text();
    body = parseJson(text);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError("unreachable", "The server did not respond. It may be down, or this device may be offline.");
  }
  if (response.ok && body !== undefined) return body;
  throw errorOf(response, body);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf(response: Response, body: unknown): ApiError {
  const detail = isObject(body) && typeof body.detail === "string" ? body.detail : "";
  switch (response.status) {
    case 400: {
      const errors = isObject(body) ? (body as Errors) : {};
      return new ApiError("invalid-request", detail || "The server refused the request.", { errors });
    }
    case 401:
      return new ApiError("unauthorized", detail || "The server refused the key.");
    case 403:
      return new ApiError("forbidden", detail || "The key may not read this.");
    case 429: {
      const retryAfter = Number(response.headers.get("Retry-After")) || 60;
      return new ApiError("rate-limited", detail || "Too many requests.", { retryAfter });
    }
    default:
      if (response.status >= 500) return new ApiError("server", `The server responded with status ${response.status}.`);
      return new ApiError(
        "unexpected",
        detail || `The server responded with status ${response.status}, which the API does not use.`,
      );
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export async function metrics(query: string, key: string, signal: AbortSignal): Promise<MetricsAnswer> {
  const body = await get(`${METRICS_PATH}?${query}`, key, signal);
  if (isObject(body) && Array.isArray(body.results)) return body as unknown as MetricsAnswer;
  throw new ApiError("unexpected", "The response contains no metrics.");
}

export interface Team {
  id: number;
  name: string;
  parent: number | null;
}

export interface User {
  id: number;
  name: string;
  email: string | null;
  hidden_from_reports: boolean;
}

export const teams = (key: string, signal: AbortSignal) => list<Team>("teams", "id,name,parent", key, signal);
export const users = (key: string, signal: AbortSignal) =>
  list<User>("users", "id,name,email,hidden_from_reports", key, signal);

async function list<Row>(resource: string, fields: string, key: string, signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  let query: string | undefined = `?${new URLSearchParams({ fields, limit: "1000" })}`;
  while (query !== undefined) {
    const page = await get(`${CORE}${resource}/${query}`, key, signal);
    if (!isObject(page) || !Array.isArray(page.results))
      throw new ApiError("unexpected", `The response for ${resource} is not a list.`);
    rows.push(...(page.results as Row[]));
    // Only the query string of `next` is used, so the key is never sent to another host.
    query = typeof page.next === "string" ? new URL(page.next, location.origin).search : undefined;
  }
  return rows;
}

/** Returns the name of the data set. Every valid key may read it; errors other than an invalid key are ignored. */
export async function dataset(key: string, signal: AbortSignal): Promise<{ name: string; demo: boolean }> {
  const body = await get("/dataset", key, signal).catch((error) => {
    if (signal.aborted || error.kind === "unauthorized") throw error;
    return undefined;
  });
  if (!isObject(body)) return { name: "", demo: false };
  return { name: typeof body.name === "string" ? body.name : "", demo: body.demo === true };
}

/** Returns the server's current day, against which it validates dates, or the browser's UTC date as a fallback. */
export async function today(): Promise<string> {
  const body = await fetch("/healthz", { credentials: "omit" })
    .then((response) => response.json() as Promise<unknown>)
    .catch(() => undefined);
  if (isObject(body) && typeof body.today === "string") return body.today;
  return new Date().toISOString().slice(0, 10);
}
