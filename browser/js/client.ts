/** A client of the v3 API, which validates and retries requests, follows pages, and loads rows into tables. */
import { aborted, abortOf } from "./abort.ts";
import { describeErrors } from "./failures.ts";
import { loadList, type LoadedPage, type Progress } from "./load.ts";
import { checkOptions, MAX_DELAY, requireOption, requireOptions, requireTimeout } from "./options.ts";
import { checkQuery, withIgnored } from "./parameters.ts";
import type { AbortSignal, Response, URL } from "./platform.ts";
import { listPath, METRICS, objectPath, queryString, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiRequest } from "./request.ts";
import { done, failed, type Added, type Failed, type ListErrors, type Outcome } from "./results.ts";
import type { AggregateRow, Day, ListRow, MetricsAnswer, Page, ResourceName } from "./rows.ts";
import type { Table } from "./table.ts";
import { validateRequest } from "./validate.ts";

/** The second argument of {@link ClientOptions.fetch}. */
export interface RequestOptions {
  headers: Record<string, string>;
  redirect: "manual";
  signal: AbortSignal | null;
}

/** Options of {@link createClient}. */
export interface ClientOptions {
  /** The server's origin, or the address in front of `/v3/`. */
  url: string | URL;
  /** The API key. It is only sent to the origin of `url`. */
  key: string;
  /** Replaces the global `fetch`. */
  fetch?: (request: string, init: RequestOptions) => Promise<Response>;
  /** The number of retries of a request that was throttled, failed, or got no response. Default: 4. */
  retries?: number;
  /** The longest time to wait for a retry, in milliseconds. Default: two minutes. */
  longestWait?: number;
  /** The longest time to wait for a response and its body, in milliseconds. Default: one minute. */
  timeout?: number;
}

/** Options of a request. */
export interface Fetching {
  signal?: AbortSignal;
  /** The day that counts as today when parameters are validated. Default: today in UTC. */
  today?: Day;
}

export type { Progress };

/** Options of {@link Client.load}. */
export type Loading = Fetching & { onProgress?: (progress: Progress) => void };

/** A client of the v3 API. */
export interface Client {
  /** Returns the metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Fetching): Promise<Outcome<MetricsAnswer>>;
  /** Returns a page of a list (§2). */
  list<Name extends ResourceName, const Parameters extends Query = Query>(
    resource: Name,
    query?: Parameters,
    options?: Fetching,
  ): Promise<Outcome<Page<ListRow<Name, Parameters>>>>;
  /** Returns one object of a resource (§2). */
  object<Name extends ResourceName, const Parameters extends Query = Query>(
    resource: Name,
    id: number,
    query?: Parameters,
    options?: Fetching,
  ): Promise<Outcome<ListRow<Name, Parameters>>>;
  /** Returns counts and sums of commits by group (§2). */
  aggregate(query: Query, options?: Fetching): Promise<Outcome<Page<AggregateRow>>>;
  /**
   * Loads all pages of a list into a table. A list that changes meanwhile is read again, so that the table has all of its
   * rows, and no others of this call. After a failure, the pages that were loaded remain in the table. To continue, call
   * it again with {@link Progress.rows} as `offset`.
   */
  load(table: Table, resource: ResourceName, query?: Query, options?: Loading): Promise<Outcome<Added>>;
}

/** The failures that a retry may resolve. */
const RETRIABLE = ["throttled", "server", "network"];
/** The wait before the first retry, in milliseconds. Each further wait is twice as long. */
const FIRST_WAIT = 500;

/**
 * Creates a {@link Client}.
 *
 * @throws if an option is invalid
 */
export function createClient(options: ClientOptions): Client {
  validateOptions(options);
  const { retries = 4, longestWait = 120_000, timeout = 60_000 } = options;
  const key = options.key.trim();
  const fetchResponse = options.fetch ?? ((request, init) => fetch(request, init));
  const base = String(options.url).replace(/\/(v3\/.*)?$/, "");

  /** Sends a request once. An exception in `read` counts as a failed connection. */
  async function attempt<Value>(
    { path, query }: ApiRequest,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value> & { wait?: number | undefined }> {
    const controller = new AbortController();
    const late = abortOf(globalThis.AbortSignal.timeout(timeout));
    void late.promise.then(() => controller.abort(new Error(`no response within ${timeout / 1000} s`)));
    const abortion = abortOf(signal);
    void abortion.promise.then(() => controller.abort(signal?.reason));
    // A `fetch` of the caller may ignore the signal.
    const aborting = abortOf(controller.signal).promise.then(() => Promise.reject(controller.signal.reason));
    try {
      const address = `${base}${path}${query && `?${query}`}`;
      const headers = { Accept: "application/json", Authorization: `Bearer ${key}` };
      // A redirect could send the key to another server. The API redirects none of these paths.
      const init = { headers, redirect: "manual", signal: controller.signal } as const;
      const response = await Promise.race([fetchResponse(address, init), aborting]);
      if (typeof response?.text !== "function") return failed("usage", "fetch returned no response.");
      if (response.status === 200) return await Promise.race([read(response), aborting]);
      const body = await Promise.race([response.text(), aborting]);
      return { ...responseFailure(response, body), wait: retryAfter(response) };
    } catch (error) {
      if (signal?.aborted) return aborted(signal);
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      // An error of the caller's `fetch` may contain the key.
      const isSafe = !`${message}${stack}`.includes(key);
      const reason = `The server did not respond: ${message.replaceAll(key, "…")}`;
      return failed("network", reason, {}, isSafe ? error : undefined);
    } finally {
      abortion.stop();
      late.stop();
    }
  }

  async function send<Value>(
    path: string,
    query: Query<MetricsParameters> | Query,
    options: Fetching,
    read: (response: Response) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> {
    const mistake = checkOptions(options, ["signal", "today"]);
    if (mistake) return mistake;
    const { signal } = options;
    if (signal?.aborted) return aborted(signal);
    const checked = checkQuery(path, query);
    if (!checked.ok) return checked;
    const request = apiRequest(path, query, options);
    const invalid = validateRequest(request);
    // A module without lists leaves the validation to the server.
    if (invalid && invalid.error.kind !== "no-lists") return invalid;
    for (let retry = 0; ; retry += 1) {
      const { wait, ...outcome } = await attempt(request, signal, read);
      if (outcome.ok) return withIgnored(outcome, checked.value);
      if (retry >= retries || !RETRIABLE.includes(outcome.error.kind)) return outcome;
      // The jitter keeps clients that failed together from retrying together.
      const delay = wait ?? FIRST_WAIT * 2 ** retry * (0.5 + Math.random() / 2);
      if (delay > longestWait) return outcome;
      await sleep(delay, signal);
      if (signal?.aborted) return aborted(signal);
    }
  }

  /** Reads a JSON body, an object that must have a member of this name. */
  const json =
    <Value>(member?: "results" | "id") =>
    async (response: Response): Promise<Outcome<Value>> => {
      const body = parse(await response.text()) as Record<string, unknown> | null | undefined;
      const value = body instanceof Object && (member ? body[member] : body);
      if (member === "results" ? Array.isArray(value) : value) return done(body as Value);
      return missing(response, member ?? "id");
    };

  return {
    metrics: (query, options = {}) => send(METRICS, query, options, json<MetricsAnswer>("results")),
    list: (resource, query, options = {}) => send(listPath(resource), query ?? "", options, json<any>("results")),
    object: (resource, id, query, options = {}) =>
      send(objectPath(resource, id), query ?? "", options, json<any>(query ? undefined : "id")),
    aggregate: (query, options = {}) =>
      send(listPath("commits.agg"), query, options, json<Page<AggregateRow>>("results")),

    async load(table, resource, query = "limit=1000", options = {}) {
      if (typeof (table as Table | null)?.add !== "function")
        return failed("usage", "The first argument must be a table.");
      // The requests check the other options.
      const { onProgress, ...fetching } = { ...options };
      const fetchPage = (pageQuery: string) =>
        send(listPath(resource), pageQuery, fetching, (response) => readPage(resource, response));
      const checked = checkQuery(listPath(resource), query);
      if (!checked.ok) return checked;
      return loadList(table, resource, queryString(query), fetchPage, onProgress);
    },
  };
}

/** Returns the failure that a response other than 200 stands for. */
function responseFailure(response: Response, body: string): Failed {
  const { status } = response;
  const parsed = parse(body);
  const fields = ((typeof parsed === "object" && parsed) || {}) as Record<string, unknown>;
  const detail = typeof fields.detail === "string" ? fields.detail : "";
  switch (status) {
    case 400:
      return failed("request", detail || describeErrors(fields as ListErrors), { errors: fields as ListErrors });
    case 401:
      return failed("key", detail || "The server rejected the API key.", { status });
    case 403:
      return failed("permission", detail || "The API key has no permission for this request.", { status });
    case 404:
      return failed("not-found", detail || "Not found.");
    case 429: {
      const wait = retryAfter(response);
      const seconds = wait === undefined ? null : Math.ceil(wait / 1000);
      return failed("throttled", detail || "Too many requests.", { status, retryAfter: seconds });
    }
  }
  if (status >= 500) return failed("server", detail || `The server failed (${status}).`, { status });
  return failed("unexpected", detail || `The response has the unexpected status ${status}.`, { status });
}

/** Reads a page. The table reports invalid JSON and rows. */
async function readPage(resource: string, response: Response): Promise<Outcome<LoadedPage>> {
  const text = await response.text();
  const body = parse(text);
  const { count, next, results } = (body ?? {}) as Record<string, unknown>;
  const isObject = body instanceof Object && !Array.isArray(body);
  if (text.trim() === "" || (isObject && !Array.isArray(results))) return missing(response, "results");
  if (next != null && typeof next !== "string") return missing(response, "next");
  const rows = Array.isArray(results) ? (results as ({ id?: unknown; _deleted?: unknown } | null)[]) : [];
  const deleting = rows.find((row) => typeof row?._deleted === "boolean");
  // Only the caller of `table.add` deletes rows.
  if (deleting)
    return failed("unexpected", `${resource}: row ${deleting.id} has the reserved name "_deleted".`, {
      status: response.status,
    });
  const ids = rows.map((row) => row?.id);
  return done({
    text,
    count: typeof count === "number" ? count : undefined,
    next: next ?? null,
    ids: ids.every((id) => typeof id === "number") ? ids : [],
  });
}

/** Returns the failure of a response whose body lacks a member, or has another type of value there. */
const missing = (response: Response, member: string): Failed =>
  failed("unexpected", `The body of the response has no "${member}".`, { status: response.status });

/** Throws a `TypeError` if an option is invalid. */
function validateOptions(options: ClientOptions): void {
  requireOptions(options, ["url", "key", "fetch", "retries", "longestWait", "timeout"]);
  const { url, key, fetch, retries = 0, longestWait = 0, timeout = 1 } = options;
  // With an empty port, as in `http://localhost:`, the key would go to port 80.
  const isAddress = /^https?:\/\/[^/?#@\\\s]*[^/?#@\\\s:](\/[^?#@]*)?$/i.test(String(url));
  requireOption(isAddress, "url", "an http address");
  // Other characters are not allowed in a header.
  requireOption(typeof key === "string" && /^[!-~]+$/.test(key.trim()), "key", "ASCII text");
  requireOption(fetch === undefined || typeof fetch === "function", "fetch", "a function");
  requireOption(Number.isInteger(retries) && retries >= 0, "retries", "a whole number from 0");
  requireOption(typeof longestWait === "number" && longestWait >= 0, "longestWait", "a number from 0");
  requireTimeout(timeout);
}

/** Returns the wait that `Retry-After` asks for, in milliseconds (RFC 9110, 10.2.3: whole seconds or an HTTP date). */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("Retry-After")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // `Date.parse` also accepts other forms than those of HTTP, which begin with a day of the week.
  if (!/^[A-Z].*:/.test(text)) return undefined;
  const wait = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Waits until the time has passed or the signal is aborted. */
async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  const abortion = abortOf(signal);
  let timer;
  const elapsed = new Promise((resolve) => (timer = setTimeout(resolve, Math.min(milliseconds, MAX_DELAY))));
  await Promise.race([elapsed, abortion.promise]);
  clearTimeout(timer);
  abortion.stop();
}
