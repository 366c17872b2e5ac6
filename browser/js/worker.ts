/**
 * Tables and clients in a Web Worker, which never block the page. Their methods return promises.
 *
 * @example
 * ```js
 * import { connect } from "streamgage/worker";
 * const streamgage = connect(new Worker(new URL("streamgage/thread", import.meta.url), { type: "module" }));
 * const table = await streamgage.table();
 * ```
 */
import { isBytes } from "./bytes.ts";
import type { Client, ClientOptions, Loading } from "./client.ts";
import { checkOptions, requireOptions, requireTimeout } from "./options.ts";
import type { MetricsParameters, Query } from "./queries.ts";
import type { AbortSignal, URL } from "./platform.ts";
import { listen, THREAD, type Call, type Port, type Reply } from "./protocol.ts";
import type { ApiResponse, Asked } from "./request.ts";
import { callbackFailure, failed, statusFailure, type Added, type Failed, type Outcome } from "./results.ts";
import { openChunks, type Rows, type Stream } from "./row-text.ts";
import type { AggregateRow, ListRow, MetricsAnswer, MetricsColumns, Page, ResourceName } from "./rows.ts";
import type { LoadOptions } from "./table.ts";

export type { Port } from "./protocol.ts";
export { serve } from "./serve.ts";

/** A {@link Table} in another thread. Only {@link free} releases its memory. */
export interface RemoteTable {
  /** Adds rows. Bytes are transferred instead of copied, so the caller can no longer read them. */
  add<Name extends ResourceName>(resource: Name, rows: Rows<Name>): Promise<Outcome<Added>>;
  /** Adds the rows of a response or a stream as they arrive. */
  load(resource: ResourceName, source: Stream, options?: LoadOptions): Promise<Outcome<Added>>;
  /** Returns the metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Asked): Promise<Outcome<MetricsAnswer>>;
  /** Returns the metrics of a range as typed arrays. */
  metricsColumns(query: Query<MetricsParameters>, options?: Asked): Promise<Outcome<MetricsColumns>>;
  /** Returns a page of a list (§2). */
  list<Name extends ResourceName, const Parameters extends Query = Query>(
    resource: Name,
    query?: Parameters,
  ): Promise<Outcome<Page<ListRow<Name, Parameters>>>>;
  /** Returns one object of a resource (§2). */
  object<Name extends ResourceName, const Parameters extends Query = Query>(
    resource: Name,
    id: number,
    query?: Parameters,
  ): Promise<Outcome<ListRow<Name, Parameters>>>;
  /** Returns counts and sums of commits by group (§2). */
  aggregate(query: Query): Promise<Outcome<Page<AggregateRow>>>;
  /** Returns the API's response to a request, to the byte. */
  answer(request: string | URL, options?: Asked): Promise<Outcome<ApiResponse>>;
  /** Releases the table's memory. */
  free(): Promise<void>;
}

/** A {@link Client} in another thread, which loads rows into tables of that thread. */
export interface RemoteClient extends Omit<Client, "load"> {
  load(table: RemoteTable, resource: ResourceName, query?: Query, options?: Loading): Promise<Outcome<Added>>;
}

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** The longest time to wait until the script of the thread runs, in milliseconds. Default: ten seconds. */
  timeout?: number;
}

/**
 * A connection to a thread. If the thread cannot start, fails, ends, or runs another script, every call returns a
 * failure of the kind `worker`.
 */
export interface Connection {
  /** Creates a table in the thread. */
  table(options?: { lists?: boolean }): Promise<RemoteTable>;
  /** Creates a client in the thread. */
  client(options: Omit<ClientOptions, "fetch">): Promise<RemoteClient>;
  /** Ends the thread. Calls that are in progress return a failure. */
  close(): void;
}

/** The id of a table or client in the thread, or the reason why it could not be created. */
type Target = number | Failed;
type CallOptions = Asked & { signal?: AbortSignal; onProgress?: (progress: any) => void };
type Pending = { resolve: (value: unknown) => void; onProgress: ((progress: any) => void) | undefined };

/**
 * Connects to a thread that runs `streamgage/thread`, or that called {@link serve} with its end of the port.
 *
 * @param port a `Worker` of the page or of `node:worker_threads`, or a `MessagePort`
 * @throws if an argument is invalid
 */
export function connect(port: Port, options: ConnectOptions = {}): Connection {
  requireOptions(options, ["timeout"]);
  const { timeout = 10_000 } = options;
  requireTimeout(timeout);
  const pending = new Map<number, Pending>();
  const targets = new WeakMap<object, Target>();
  let lastId = 0;
  let hasAnswered = false;
  let ended: Failed | undefined;

  const failPending = (failure: Failed) => {
    for (const { resolve } of pending.values()) resolve(failure);
  };
  const end = (message: string) => {
    clearTimeout(timer);
    failPending((ended ??= failed("worker", message)));
  };
  const timer = setTimeout(end, timeout, "The worker did not answer. Does it run streamgage/thread?");

  listen(port, "message", (reply: Reply) => {
    if (typeof reply !== "object" || reply === null) return;
    const call = pending.get(reply.id);
    if (call === undefined) return;
    if ("progress" in reply) return call.onProgress?.(reply.progress);
    call.resolve(reply.value);
  });
  for (const type of ["error", "messageerror"])
    listen(port, type, (error: { message?: string } | undefined) => {
      const message = `The worker failed${error?.message ? `: ${error.message}` : "."}`;
      // A script that answers goes on after an error.
      if (hasAnswered) failPending(failed("worker", message));
      else end(message);
    });
  // Workers of Node end with `exit`, and ports with `close`. A Web Worker has no such event.
  for (const type of ["exit", "close"]) listen(port, type, () => end("The worker has ended."));
  const { terminate } = port as { terminate?: () => unknown };
  if (terminate)
    (port as { terminate?: () => unknown }).terminate = () => {
      end("The worker was terminated.");
      return terminate.call(port);
    };
  void call(THREAD, "hello", []).then((answer) => {
    hasAnswered = answer === true;
    clearTimeout(timer);
  });

  function call<Value>(target: Target, method: string, args: unknown[], options?: CallOptions): Promise<Value> {
    const id = (lastId += 1);
    const failure =
      (typeof target === "number" ? ended : target) ?? (options === undefined ? undefined : checkOptions(options));
    if (failure) return Promise.resolve(failure as Value);
    const { signal, onProgress, ...others } = options ?? {};
    const sent = args.map(portable);
    if (options) sent.push(others);
    const message: Call = { id, target: target as number, method, args: sent };
    const transfer = args.flatMap((arg) => (!isBytes(arg) ? [] : "buffer" in arg ? arg.buffer : arg));
    return new Promise<Value>((resolve) => {
      const abort = (reason: string) => port.postMessage({ id, abort: reason } satisfies Call, []);
      const onAbort = () => abort(String(signal?.reason));
      const settle = (value: unknown) => {
        pending.delete(id);
        signal?.removeEventListener("abort", onAbort);
        resolve(value as Value);
      };
      const report = (progress: unknown) => {
        try {
          onProgress?.(progress);
        } catch (error) {
          abort("");
          settle(callbackFailure(error));
        }
      };
      pending.set(id, { resolve: settle, onProgress: report });
      try {
        send(port, message, transfer);
      } catch (error) {
        return settle(failed("usage", "The arguments cannot be sent to the worker.", {}, error));
      }
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted) onAbort();
    });
  }

  /** Sends a stream to the thread part by part. */
  async function load(target: Target, resource: string, source: Stream, options: LoadOptions): Promise<Outcome<Added>> {
    const opened = checkOptions(options) ?? statusFailure(source) ?? openChunks(source);
    if (!opened.ok) return opened;
    const chunks = opened.value;
    let acknowledge = () => {};
    const onProgress: LoadOptions["onProgress"] = (progress) => {
      acknowledge();
      options.onProgress?.(progress);
    };
    const result = call<Outcome<Added>>(target, "load", [resource, null], { ...options, onProgress });
    const id = lastId;
    const settled = result.then(() => undefined);
    try {
      for (;;) {
        const next = await Promise.race([chunks.next(), settled]);
        if (next === undefined) break;
        if (next.done) {
          port.postMessage({ id, end: true } satisfies Call, []);
          break;
        }
        const acknowledged = new Promise<void>((resolve) => (acknowledge = resolve));
        port.postMessage({ id, chunk: next.value! } satisfies Call, []);
        await Promise.race([acknowledged, settled]);
      }
    } catch (error) {
      port.postMessage({ id, end: true, error: String(error) } satisfies Call, []);
    }
    const outcome = await result;
    chunks.cancel();
    return outcome;
  }

  function remoteTable(target: Target): RemoteTable {
    const table: RemoteTable = {
      add: (resource, rows) => call(target, "add", [resource, rows]),
      load: (resource, source, options = {}) => load(target, resource, source, options),
      metrics: (query, options) => call(target, "metrics", [query, options]),
      metricsColumns: (query, options) => call(target, "metricsColumns", [query, options]),
      list: (resource, query) => call(target, "list", [resource, query]),
      object: (resource, id, query) => call(target, "object", [resource, id, query]),
      aggregate: (query) => call(target, "aggregate", [query]),
      answer: (request, options) => call(target, "answer", [request, options]),
      free: async () => void (await call(target, "free", [])),
    };
    targets.set(table, target);
    return table;
  }

  return {
    table: async (options) => remoteTable(await call<Target>(THREAD, "table", [options])),
    close: () => {
      end("The connection was closed.");
      const { terminate, close } = port as { terminate?: () => unknown; close?: () => unknown };
      void (terminate ?? close)?.call(port);
    },
    client: async (options) => {
      const target = await call<Target>(THREAD, "client", [{ ...options, url: String(options?.url) }]);
      return {
        metrics: (query, options = {}) => call(target, "metrics", [query], options),
        list: (resource, query, options = {}) => call(target, "list", [resource, query], options),
        object: (resource, id, query, options = {}) => call(target, "object", [resource, id, query], options),
        aggregate: (query, options = {}) => call(target, "aggregate", [query], options),
        async load(table, resource, query, options = {}) {
          const id = targets.get(table) ?? failed("usage", "The table must be one of this connection.");
          return typeof id === "number" ? call(target, "load", [id, resource, query], options) : id;
        },
      };
    },
  };
}

/** Sends a message. Buffers are copied if they cannot be transferred: those of WebAssembly, and shared ones. */
function send(port: Port, message: Call, buffers: unknown[]): void {
  try {
    port.postMessage(message, buffers);
  } catch {
    port.postMessage(message, []);
  }
}

/** Returns a query or an address in a form that can be sent. */
const portable = (query: unknown): unknown =>
  query instanceof globalThis.URLSearchParams || query instanceof globalThis.URL ? query.toString() : query;
