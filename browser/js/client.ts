/** A client of the v3 API, which validates and retries requests, follows pages, and loads rows into tables. */
import { abortOf } from "./abort.ts";
import { describeErrors } from "./failures.ts";
import { loadList, type Progress } from "./load.ts";
import { checkOptions } from "./options.ts";
import { checkQuery, withIgnored } from "./parameters.ts";
import type { AbortSignal, Response, URL } from "./platform.ts";
import { listPath, METRICS, queryString, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiRequest } from "./request.ts";
import { done, failed, type Added, type Failed, type ListErrors, type Outcome } from "./results.ts";
import type { AggregateRow, Day, MetricsAnswer, Page, ResourceName, Shown } from "./rows.ts";
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
  list<Name extends ResourceName>(
    resource: Name,
    query?: Query,
    options?: Fetching,
  ): Promise<Outcome<Page<Shown[Name]>>>;
  /** Returns one object of a resource (§2). */
  object<Name extends ResourceName>(resource: Name, id: number, options?: Fetching): Promise<Outcome<Shown[Name]>>;
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
const RETRIABLE = new Set(["throttled", "server", "network"]);
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
    const onAbort = () => controller.abort(signal?.reason);
    const late = globalThis.AbortSignal.timeout(timeout);
    const onTimeout = () => controller.abort(new Error(`no response within ${timeout / 1000} s`));
    signal?.addEventListener("abort", onAbort);
    late.addEventListener("abort", onTimeout);
    const abortion = abortOf(controller.signal);
    // A `fetch` of the caller may ignore the signal.
    const aborting = abortion.promise.then(() => Promise.reject(controller.signal.reason));
    try {
      const address = `${base}${path}${query && `?${query}`}`;
      const headers = { Accept: "application/json", Authorization: `Bearer ${key}` };
      // A redirect could send the key to another server. The API redirects none of these paths.
      const init = { headers, redirect: "manual", signal: controller.signal } as const;
      const response = await Promise.race([fetchResponse(address, init), aborting]);
      if (response.status === 200) return await Promise.race([read(response), aborting]);
      const body = await Promise.race([response.text(), aborting]);
      return { ...responseFailure(response, body), wait: retryAfter(response) };
    } catch (error) {
      if (signal?.aborted) return failed("aborted", String(signal.reason));
      const message = `The server did not respond: ${error instanceof Error ? error.message : error}`;
      // The error for a key that is no valid header value contains the key.
      const isSafe = !key || !`${message}${error instanceof Error ? error.stack : ""}`.includes(key);
      return failed("network", key ? message.replaceAll(key, "…") : message, {}, isSafe ? error : undefined);
    } finally {
      abortion.stop();
      signal?.removeEventListener("abort", onAbort);
      late.removeEventListener("abort", onTimeout);
    }
  }

  async function send<Value>(
    path: string,
    query: Query<MetricsParameters> | Query,
    options: Fetching,
    read: (response: Response) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> {
    const { signal } = options;
    const mistake = checkOptions(options, ["signal", "today"]) ?? checkSignal(signal);
    if (mistake) return mistake;
    if (signal?.aborted) return failed("aborted", String(signal.reason));
    const checked = checkQuery(path, query);
    if (!checked.ok) return checked;
    const request = apiRequest(path, query, options);
    const invalid = validateRequest(request);
    // A module without lists leaves the validation to the server.
    if (invalid && invalid.error.kind !== "no-lists") return invalid;
    for (let retry = 0; ; retry += 1) {
      const { wait, ...outcome } = await attempt(request, signal, read);
      if (outcome.ok) return withIgnored(outcome, checked.value);
      if (retry >= retries || !RETRIABLE.has(outcome.error.kind)) return outcome;
      // The jitter keeps clients that failed together from retrying together.
      const delay = wait ?? FIRST_WAIT * 2 ** retry * (0.5 + Math.random() / 2);
      if (delay > longestWait) return outcome;
      if (!(await sleep(delay, signal))) return failed("aborted", String(signal?.reason));
    }
  }

  /** Reads a JSON body that must have a member of this name. */
  const json =
    <Value>(member: string) =>
    async (response: Response): Promise<Outcome<Value>> => {
      const body = parse(await response.text()) as Record<string, unknown> | null | undefined;
      const value = body?.[member];
      if (member === "results" ? Array.isArray(value) : value != null) return done(body as Value);
      return failed("unexpected", `The body of the response has no "${member}".`, { status: response.status });
    };

  return {
    metrics: (query, options = {}) => send(METRICS, query, options, json<MetricsAnswer>("results")),
    list: <Name extends ResourceName>(resource: Name, query: Query = "", options: Fetching = {}) =>
      send(listPath(resource), query, options, json<Page<Shown[Name]>>("results")),
    object: <Name extends ResourceName>(resource: Name, id: number, options: Fetching = {}) =>
      send(`${listPath(resource)}${id}/`, "", options, json<Shown[Name]>("id")),
    aggregate: (query, options = {}) =>
      send(listPath("commits.agg"), query, options, json<Page<AggregateRow>>("results")),

    load(table, resource, query = "limit=1000", { onProgress, ...options } = {}) {
      if (typeof (table as Table | null)?.add !== "function")
        return Promise.resolve(failed("usage", "The first argument must be a table."));
      const fetchPage = (pageQuery: string) => send(listPath(resource), pageQuery, options, pageText);
      const report = (progress: Progress) => {
        try {
          onProgress?.(progress);
        } catch (error) {
          throw new CallbackError("onProgress threw an error.", { cause: error });
        }
      };
      const checked = checkQuery(listPath(resource), query);
      if (!checked.ok) return Promise.resolve(checked);
      return loadList(table, resource, queryString(query), fetchPage, report).catch((error: unknown) => {
        if (error instanceof CallbackError) return failed("usage", error.message, {}, error.cause);
        throw error;
      });
    },
  };
}

/** Returns the failure that a response other than 200 stands for. */
function responseFailure(response: Response, body: string): Failed {
  const { status } = response;
  const parsed = parse(body);
  const fields = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
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

class CallbackError extends Error {}

/** Reads the text of a page, and checks that it is one. The table reports invalid JSON and rows. */
async function pageText(response: Response): Promise<Outcome<string>> {
  const text = await response.text();
  const unexpected = (message: string) => failed("unexpected", message, { status: response.status });
  if (text.trim() === "") return unexpected('The body of the response has no "results".');
  const page = parse(text);
  if (typeof page !== "object" || page === null || Array.isArray(page)) return done(text);
  const { results, next } = page as Record<string, unknown>;
  if (!Array.isArray(results)) return unexpected('The body of the response has no "results".');
  if (next != null && typeof next !== "string")
    return unexpected('The body of the response has no "next" that is an address.');
  return done(text);
}

/** Throws a `TypeError` if an option is invalid. */
function validateOptions(options: ClientOptions): void {
  const mistake = checkOptions(options, ["url", "key", "fetch", "retries", "longestWait", "timeout"]);
  if (mistake) throw new TypeError(mistake.error.message);
  const { url, key, fetch, retries = 0, longestWait = 0, timeout = 1 } = options;
  const require = (isValid: boolean, name: string, what: string) => {
    if (!isValid) throw new TypeError(`The option "${name}" must be ${what}.`);
  };
  // With an empty port, as in `http://localhost:`, the key would go to port 80.
  const isAddress = /^https?:\/\/[^/?#\\]*[^:/?#\\]([/?#\\]|$)/i.test(String(url ?? ""));
  require(isAddress, "url", "an address with http:// or https:// and a host");
  require(typeof key === "string" && key.trim() !== "", "key", "text");
  require(fetch === undefined || typeof fetch === "function", "fetch", "a function");
  require(Number.isInteger(retries) && retries >= 0, "retries", "a whole number from 0");
  require(typeof longestWait === "number" && longestWait >= 0, "longestWait", "milliseconds from 0");
  require(typeof timeout === "number" && timeout > 0, "timeout", "milliseconds above 0");
}

function checkSignal(signal: unknown): Failed | undefined {
  const isSignal = signal == null || typeof (signal as { addEventListener?: unknown }).addEventListener === "function";
  return isSignal ? undefined : failed("usage", 'The option "signal" must be an AbortSignal.');
}

/** The three forms of an HTTP date, roughly: `Date.parse` checks the rest, but also accepts other forms. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*:\d\d( GMT| \d{4})$/;

/** Returns the wait that `Retry-After` asks for, in milliseconds (RFC 9110, 10.2.3: whole seconds or an HTTP date). */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("Retry-After")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!HTTP_DATE.test(text)) return undefined;
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

/** Waits. Resolves to false if the signal is aborted. */
async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  const abortion = abortOf(signal);
  let timer;
  const elapsed = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, milliseconds, true);
  });
  const outcome = await Promise.race([elapsed, abortion.promise]);
  clearTimeout(timer);
  abortion.stop();
  return outcome === true;
}
