/**
 * Requests to the Worker that serves this page, and every way in which they fail. The package's client can't be asked: it
 * validates by wasm, and the page works where that is switched off.
 */
import type { Errors, MetricsAnswer } from "streamgage";

export const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/";
const CORE = "/v3/customer/core/";

export type ProblemKind = "parameters" | "key" | "permission" | "throttled" | "server" | "unreachable" | "unexpected";

export class Problem extends Error {
  readonly kind: ProblemKind;
  /** Of a 429: after how many seconds to ask again. */
  readonly retryAfter: number | undefined;
  /** Of a 400: the messages by parameter. */
  readonly errors: Errors;

  constructor(kind: ProblemKind, message: string, more: { retryAfter?: number; errors?: Errors } = {}) {
    super(message);
    this.kind = kind;
    this.retryAfter = more.retryAfter;
    this.errors = more.errors ?? {};
  }
}

async function get(path: string, key: string, signal: AbortSignal): Promise<unknown> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, { headers: { Authorization: `Bearer ${key}` }, credentials: "omit", signal });
    const text = await response.text();
    body = parse(text);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Problem("unreachable", "The server did not answer. It may be down, or this device offline.");
  }
  if (response.ok && body !== undefined) return body;
  throw problem(response, body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problem(response: Response, body: unknown): Problem {
  const detail = isObject(body) && typeof body.detail === "string" ? body.detail : "";
  switch (response.status) {
    case 400: {
      const errors = isObject(body) ? (body as Errors) : {};
      return new Problem("parameters", detail || "The server refused the request.", { errors });
    }
    case 401:
      return new Problem("key", detail || "The server refused the key.");
    case 403:
      return new Problem("permission", detail || "The key may not read this.");
    case 429: {
      const retryAfter = Number(response.headers.get("Retry-After")) || 60;
      return new Problem("throttled", detail || "Too many requests.", { retryAfter });
    }
    default:
      if (response.status >= 500) return new Problem("server", `It answered ${response.status}.`);
      return new Problem("unexpected", detail || `The server answered ${response.status}, and not as the API does.`);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export async function metrics(query: string, key: string, signal: AbortSignal): Promise<MetricsAnswer> {
  const body = await get(`${METRICS}?${query}`, key, signal);
  if (isObject(body) && Array.isArray(body.results)) return body as unknown as MetricsAnswer;
  throw new Problem("unexpected", "The server answered, but not with metrics.");
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
    if (!isObject(page) || !Array.isArray(page.results)) throw new Problem("unexpected", `${resource}: not a list.`);
    rows.push(...(page.results as Row[]));
    // Only the query of `next` is taken: the key goes to no other host, whatever a page says.
    query = typeof page.next === "string" ? new URL(page.next, location.origin).search : undefined;
  }
  return rows;
}

/** What is shown of the data's origin. Any key may ask; only a key that is none is a problem. */
export async function dataset(key: string, signal: AbortSignal): Promise<{ name: string; demo: boolean }> {
  const body = await get("/dataset", key, signal).catch((error) => {
    if (signal.aborted || error.kind === "key") throw error;
    return undefined;
  });
  if (!isObject(body)) return { name: "", demo: false };
  return { name: typeof body.name === "string" ? body.name : "", demo: body.demo === true };
}

/** The server's "today", by which it judges dates; the browser's UTC date where it tells none. */
export async function today(): Promise<string> {
  const body = await fetch("/healthz", { credentials: "omit" })
    .then((response) => response.json() as Promise<unknown>)
    .catch(() => undefined);
  if (isObject(body) && typeof body.today === "string") return body.today;
  return new Date().toISOString().slice(0, 10);
}
