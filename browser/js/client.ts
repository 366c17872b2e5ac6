/** A client of the v3 API: validated before it is sent, retried, followed from page to page, straight into a table. */
import { validate } from "./wasm.js";
import { listPath, METRICS, queryString, utcToday, type MetricsParameters, type Query } from "./queries.ts";
import { done, failed, type Failure, type ListErrors, type Outcome } from "./results.ts";
import type { AggregateRow, Day, MetricsAnswer, Page, ResourceName, Shown } from "./rows.ts";
import { describe, refusal, type Added, type Table } from "./table.ts";

/** Whom to ask, and how. */
export interface ClientOptions {
  /** Where the server is: an origin, or an address that `/v3/` stands behind. */
  url: string | URL;
  /** The API key. It is sent to that origin, and to no other, whatever a page says. */
  key: string;
  /** Instead of the global `fetch`. */
  fetch?: (request: string, init: RequestInit) => Promise<Response>;
  /** How often a request is made again that was throttled, failed, or not answered; 4 if absent. */
  retries?: number;
  /** Longer than so many milliseconds no retry is waited for; two minutes if absent. */
  longestWait?: number;
}

/** What a request may set. */
export interface Fetching {
  signal?: AbortSignal;
  /** The day that counts as today, where parameters are checked; in UTC, today. */
  today?: Day;
}

/** How far {@link Client.load} has come. */
export interface Progress {
  resource: ResourceName;
  /** Rows that are in the table. */
  rows: number;
  /** How many the server says that there are. */
  count: number | null;
  pages: number;
}

/** How {@link Client.load} asks, and whom it tells. */
export type Loading = Fetching & { onProgress?: (progress: Progress) => void };

/** A client of the v3 API. */
export interface Client {
  /** The metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Fetching): Promise<Outcome<MetricsAnswer>>;
  /** A page of a list (§2). */
  list<Name extends ResourceName>(
    resource: Name,
    query?: Query,
    options?: Fetching,
  ): Promise<Outcome<Page<Shown[Name]>>>;
  /** One object of a resource (§2). */
  object<Name extends ResourceName>(resource: Name, id: number, options?: Fetching): Promise<Outcome<Shown[Name]>>;
  /** Counts and sums of commits by group (§2). */
  aggregate(query: Query, options?: Fetching): Promise<Outcome<Page<AggregateRow>>>;
  /**
   * All pages of a list, one after the other, into a table, as text that JavaScript never takes apart. What came before
   * a failure stays in the table: to go on, ask with the `offset` of {@link Progress.rows}.
   */
  load(table: Table, resource: ResourceName, query?: Query, options?: Loading): Promise<Outcome<Added>>;
}

/** What another attempt may help with. */
const MAY_PASS = new Set(["throttled", "server", "network"]);
const FIRST_WAIT = 500;

/** Makes a {@link Client}. */
export function createClient(options: ClientOptions): Client {
  const { retries = 4, longestWait = 120_000 } = options;
  const key = options.key.trim();
  const send = options.fetch ?? ((request, init) => fetch(request, init));
  const base = String(options.url).replace(/\/(v3\/.*)?$/, "");

  /** Asks once; what `read` throws is a broken connection. */
  async function attempt<Value>(
    path: string,
    query: string,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value> & { wait?: number | undefined }> {
    try {
      const address = `${base}${path}${query && `?${query}`}`;
      const headers = { Accept: "application/json", Authorization: `Bearer ${key}` };
      // A redirect could lead the key elsewhere; and none is due, for every path is whole.
      const response = await send(address, { headers, redirect: "manual", signal: signal ?? null });
      if (response.status === 200) return await read(response);
      const body = await response.text();
      return { ...refused(response, body), wait: retryAfter(response) };
    } catch (error) {
      if (signal?.aborted) return failed("aborted", String(signal.reason));
      const why = `The server did not answer: ${error instanceof Error ? error.message : error}`;
      // Of a key that no header may hold, the error shows the header.
      return failed("network", key ? why.replaceAll(key, "…") : why);
    }
  }

  async function ask<Value>(
    path: string,
    query: string,
    { signal, today = utcToday() }: Fetching,
    read: (response: Response) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> {
    if (signal?.aborted) return failed("aborted", String(signal.reason));
    const checked = validate(path, query, `${today}`);
    const invalid = refusal({ status: Number(checked.slice(0, 3)), body: checked.slice(3) });
    // Without the module of lists only the server knows.
    if (invalid && invalid.error.kind !== "no-lists") return invalid;
    for (let tried = 0; ; tried += 1) {
      const { wait, ...outcome } = await attempt(path, query, signal, read);
      if (outcome.ok || tried >= retries || !MAY_PASS.has(outcome.error.kind)) return outcome;
      // Half of it is chance, so that many who failed at once do not come back at once.
      const due = wait ?? FIRST_WAIT * 2 ** tried * (0.5 + Math.random() / 2);
      if (due > longestWait) return outcome;
      if (!(await slept(due, signal))) return failed("aborted", String(signal?.reason));
    }
  }

  /** Reads an answer that has this member. */
  const json =
    <Value>(member: string) =>
    async (response: Response): Promise<Outcome<Value>> => {
      const body = parse(await response.text()) as Record<string, unknown> | null | undefined;
      if (body?.[member] != null) return done(body as Value);
      return failed("unexpected", "The server answered, and not as the API does.", { status: response.status });
    };

  return {
    metrics: (query, options = {}) => ask(METRICS, queryString(query), options, json<MetricsAnswer>("results")),
    list: <Name extends ResourceName>(resource: Name, query: Query = "", options: Fetching = {}) =>
      ask(listPath(resource), queryString(query), options, json<Page<Shown[Name]>>("results")),
    object: <Name extends ResourceName>(resource: Name, id: number, options: Fetching = {}) =>
      ask(`${listPath(resource)}${id}/`, "", options, json<Shown[Name]>("id")),
    aggregate: (query, options = {}) =>
      ask(listPath("commits.agg"), queryString(query), options, json<Page<AggregateRow>>("results")),

    async load(table, resource, query = "limit=1000", { onProgress, ...options } = {}) {
      const path = listPath(resource);
      const asked = new Set<string>();
      let at = queryString(query);
      let rows = 0;
      for (;;) {
        asked.add(at);
        // A page is in the table whole or not at all, so that it can be asked again.
        const page = await ask(path, at, options, (response) => table.load(resource, response, options));
        if (!page.ok) return page;
        rows += page.value.rows;
        onProgress?.({ resource, rows, count: page.value.count ?? null, pages: asked.size });
        const { next } = page.value;
        if (next === null) return done({ ...page.value, rows });
        // Only what `next` asks is taken from it: where to is known, and the key goes nowhere else.
        at = /\?([^#]*)/.exec(next)?.[1] ?? "";
        if (asked.has(at))
          return failed("unexpected", `The pages run in a circle: ${at} comes again.`, { status: 200 });
      }
    },
  };
}

/** What an answer other than 200 means. */
function refused(response: Response, body: string): { ok: false; error: Failure } {
  const { status } = response;
  const parsed = parse(body);
  const fields = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  const detail = typeof fields.detail === "string" ? fields.detail : "";
  switch (status) {
    case 400:
      return failed("request", detail || describe(fields as ListErrors), { errors: fields as ListErrors });
    case 401:
      return failed("key", detail || "The server refused the key.", { status });
    case 403:
      return failed("permission", detail || "The key may not read this.", { status });
    case 404:
      return failed("not-found", detail || "Not found.");
    case 429: {
      const wait = retryAfter(response);
      const seconds = wait === undefined ? null : Math.ceil(wait / 1000);
      return failed("throttled", detail || "Too many requests.", { status, retryAfter: seconds });
    }
  }
  if (status >= 500) return failed("server", detail || `The server failed (${status}).`, { status });
  return failed("unexpected", detail || `The server answered ${status}, and not as the API does.`, { status });
}

/** What `Retry-After` asks to wait, in milliseconds (RFC 9110, 10.2.3: seconds, or a date). */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("Retry-After");
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Waits; false if the signal ended it. */
const slept = (milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve(false);
    const end = (whole: boolean) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(whole);
    };
    const onAbort = () => end(false);
    const timer = setTimeout(end, milliseconds, true);
    signal?.addEventListener("abort", onAbort);
  });
