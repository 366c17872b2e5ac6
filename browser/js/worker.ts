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
import type { Client, ClientOptions, Loading, Progress } from "./client.ts";
import { queryString, type MetricsParameters, type Query } from "./queries.ts";
import { CREATE, type Call, type Port, type Reply } from "./protocol.ts";
import type { ApiResponse, Asked } from "./request.ts";
import { failed, statusFailure, streamFailure, type Added, type Failed, type Outcome } from "./results.ts";
import { isBytes } from "./bytes.ts";
import type { Rows } from "./row-text.ts";
import type { AggregateRow, MetricsAnswer, MetricsColumns, Page, ResourceName, Shown } from "./rows.ts";

export type { Port } from "./protocol.ts";
export { serve } from "./serve.ts";

/** A {@link Table} in another thread. Only {@link free} releases its memory. */
export interface RemoteTable {
  /** Adds rows. Bytes are transferred instead of copied, so the caller can no longer read them. */
  add<Name extends ResourceName>(resource: Name, rows: Rows<Name>): Promise<Outcome<Added>>;
  /** Adds the rows of a response or a stream. */
  load(resource: ResourceName, source: Response | Blob | ReadableStream<Uint8Array>): Promise<Outcome<Added>>;
  /** Returns the metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Asked): Promise<Outcome<MetricsAnswer>>;
  /** Returns the metrics of a range as typed arrays. */
  metricsColumns(query: Query<MetricsParameters>, options?: Asked): Promise<Outcome<MetricsColumns>>;
  /** Returns a page of a list (§2). */
  list<Name extends ResourceName>(resource: Name, query?: Query): Promise<Outcome<Page<Shown[Name]>>>;
  /** Returns one object of a resource (§2). */
  object<Name extends ResourceName>(resource: Name, id: number, query?: Query): Promise<Outcome<Shown[Name]>>;
  /** Returns counts and sums of commits by group (§2). */
  aggregate(query: Query): Promise<Outcome<Page<AggregateRow>>>;
  /** Returns the API's response to a request, to the byte. */
  answer(request: string, options?: Asked): Promise<Outcome<ApiResponse>>;
  /** Releases the table's memory. */
  free(): Promise<void>;
}

/** A {@link Client} in another thread, which loads rows into tables of that thread. */
export interface RemoteClient extends Omit<Client, "load"> {
  load(table: RemoteTable, resource: ResourceName, query?: Query, options?: Loading): Promise<Outcome<Added>>;
}

/** A connection to a thread. If the thread cannot start, every call returns a failure of the kind `worker`. */
export interface Connection {
  /** Creates a table in the thread. */
  table(options?: { lists?: boolean }): Promise<RemoteTable>;
  /** Creates a client in the thread. */
  client(options: Omit<ClientOptions, "fetch">): Promise<RemoteClient>;
}

/** The id of a table or client in the thread, or the reason why it could not be created. */
type Target = number | Failed;
type Pending = { resolve: (value: unknown) => void; onProgress: ((progress: Progress) => void) | undefined };

/** Connects to a thread that runs `streamgage/thread`, or that called {@link serve} with its end of the port. */
export function connect(port: Port): Connection {
  const pending = new Map<number, Pending>();
  const targets = new WeakMap<object, Target>();
  let lastId = 0;

  port.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const call = pending.get(data.id);
    if ("progress" in data) return call?.onProgress?.(data.progress);
    pending.delete(data.id);
    call?.resolve(data.value);
  });
  for (const type of ["error", "messageerror"] as const)
    port.addEventListener(type, () => {
      for (const { resolve } of pending.values()) resolve(failed("worker", "The worker failed."));
      pending.clear();
    });
  port.start?.();

  function call<Value>(target: Target, method: string, args: unknown[], options: Loading = {}): Promise<Value> {
    if (typeof target !== "number") return Promise.resolve(target as Value);
    const { signal, onProgress, ...others } = options;
    const id = (lastId += 1);
    const message: Call = { id, target, method, args: [...args, others] };
    const transfer = args
      .filter((arg) => isBytes(arg))
      .map((bytes) => (ArrayBuffer.isView(bytes) ? bytes.buffer : bytes));
    return new Promise((resolve) => {
      const onAbort = () => port.postMessage({ id, abort: String(signal?.reason) } satisfies Call, []);
      const settle = (value: unknown) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(value as Value);
      };
      pending.set(id, { resolve: settle, onProgress });
      port.postMessage(message, transfer as ArrayBuffer[]);
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted) onAbort();
    });
  }

  function remoteTable(target: Target): RemoteTable {
    const table: RemoteTable = {
      add: (resource, rows) => call(target, "add", [resource, rows]),
      load: async (resource, source) => {
        const failure = statusFailure(source);
        if (failure) return failure;
        const body = source instanceof ReadableStream ? new Response(source) : source;
        const bytes = await body.arrayBuffer().catch(streamFailure);
        return "ok" in bytes ? bytes : call(target, "add", [resource, bytes]);
      },
      metrics: (query, options = {}) => call(target, "metrics", [queryString(query)], options),
      metricsColumns: (query, options = {}) => call(target, "metricsColumns", [queryString(query)], options),
      list: (resource, query = "") => call(target, "list", [resource, queryString(query)]),
      object: (resource, id, query = "") => call(target, "object", [resource, id, queryString(query)]),
      aggregate: (query) => call(target, "aggregate", [queryString(query)]),
      answer: (request, options = {}) => call(target, "answer", [request], options),
      free: async () => void (await call(target, "free", [])),
    };
    targets.set(table, target);
    return table;
  }

  return {
    table: async (options = {}) => remoteTable(await call<Target>(CREATE, "table", [options])),
    client: async (options) => {
      const target = await call<Target>(CREATE, "client", [{ ...options, url: String(options.url) }]);
      return {
        metrics: (query, options) => call(target, "metrics", [queryString(query)], options),
        list: (resource, query = "", options) => call(target, "list", [resource, queryString(query)], options),
        object: (resource, id, options) => call(target, "object", [resource, id], options),
        aggregate: (query, options) => call(target, "aggregate", [queryString(query)], options),
        load: (table, resource, query = "limit=1000", options) =>
          call(target, "load", [targets.get(table), resource, queryString(query)], options),
      };
    },
  };
}
