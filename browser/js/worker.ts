/**
 * Tables and clients in a Web Worker, so that nothing blocks the page: the same questions, each answered by a promise.
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
import { brokeOff, failed, unanswered, type Failure, type Outcome } from "./results.ts";
import type { AggregateRow, MetricsAnswer, MetricsColumns, Page, ResourceName, Shown } from "./rows.ts";
import type { Call, Reply } from "./serve.ts";
import type { Added, Asked, Rows } from "./table.ts";

export { serve } from "./serve.ts";

/** What messages go through: a `Worker`, a `MessagePort`, a worker's own scope. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "error" | "messageerror", listener: (event: Event) => void): void;
  start?(): void;
}

/** A {@link Table} in another thread. Its memory is there, and is given back by {@link free} alone. */
export interface RemoteTable {
  /** Adds rows. Bytes are transferred, not copied: afterwards they are gone here. */
  add<Name extends ResourceName>(resource: Name, rows: Rows<Name>): Promise<Outcome<Added>>;
  /** Adds the rows of a response or a stream. */
  load(resource: ResourceName, source: Response | Blob | ReadableStream<Uint8Array>): Promise<Outcome<Added>>;
  /** The metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Asked): Promise<Outcome<MetricsAnswer>>;
  /** The metrics of a range as typed arrays. */
  metricsColumns(query: Query<MetricsParameters>, options?: Asked): Promise<Outcome<MetricsColumns>>;
  /** A page of a list (§2). */
  list<Name extends ResourceName>(resource: Name, query?: Query): Promise<Outcome<Page<Shown[Name]>>>;
  /** One object of a resource (§2). */
  object<Name extends ResourceName>(resource: Name, id: number, query?: Query): Promise<Outcome<Shown[Name]>>;
  /** Counts and sums of commits by group (§2). */
  aggregate(query: Query): Promise<Outcome<Page<AggregateRow>>>;
  /** What the API answers, to the byte. */
  answer(request: string, options?: Asked): Promise<Outcome<{ status: number; body: string }>>;
  /** Gives the table's memory back. */
  free(): Promise<void>;
}

/** A {@link Client} in another thread: what it loads goes into that thread's tables. */
export interface RemoteClient extends Omit<Client, "load"> {
  load(table: RemoteTable, resource: ResourceName, query?: Query, options?: Loading): Promise<Outcome<Added>>;
}

/** The thread at the other end of a port. */
export interface Connection {
  /** Makes a table there. If the thread can't start, that is the table's answer to every question. */
  table(options?: { lists?: boolean }): Promise<RemoteTable>;
  /** Makes a client there; if the thread can't start, as {@link table}. */
  client(options: Omit<ClientOptions, "fetch">): Promise<RemoteClient>;
}

/** What is there for a number in the thread; or why nothing is there, which is then the answer to every question. */
type Target = number | { ok: false; error: Failure };
type Waiting = { resolve: (value: unknown) => void; onProgress: ((progress: Progress) => void) | undefined };

/** Connects to a thread that runs `streamgage/thread`, or that has called {@link serve} with its end of the port. */
export function connect(port: Port): Connection {
  const waiting = new Map<number, Waiting>();
  const targets = new WeakMap<object, Target>();
  let calls = 0;

  port.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const call = waiting.get(data.id);
    if ("progress" in data) return call?.onProgress?.(data.progress);
    waiting.delete(data.id);
    call?.resolve(data.value);
  });
  for (const type of ["error", "messageerror"] as const)
    port.addEventListener(type, () => {
      for (const { resolve } of waiting.values()) resolve(failed("worker", "The worker failed."));
      waiting.clear();
    });
  port.start?.();

  function call<Value>(target: Target, method: string, args: unknown[], options: Loading = {}): Promise<Value> {
    if (typeof target !== "number") return Promise.resolve(target as Value);
    const { signal, onProgress, ...others } = options;
    const id = (calls += 1);
    const message: Call = { id, target, method, args: [...args, others] };
    const transfer = args
      .filter((arg) => isBytes(arg))
      .map((bytes) => (ArrayBuffer.isView(bytes) ? bytes.buffer : bytes));
    return new Promise((resolve) => {
      const onAbort = () => port.postMessage({ id, abort: String(signal?.reason) } satisfies Call, []);
      const end = (value: unknown) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(value as Value);
      };
      waiting.set(id, { resolve: end, onProgress });
      port.postMessage(message, transfer as ArrayBuffer[]);
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted) onAbort();
    });
  }

  function remoteTable(target: Target): RemoteTable {
    const table: RemoteTable = {
      add: (resource, rows) => call(target, "add", [resource, rows]),
      load: async (resource, source) => {
        const refused = unanswered(source);
        if (refused) return refused;
        const body = source instanceof ReadableStream ? new Response(source) : source;
        const text = await body.arrayBuffer().catch(brokeOff);
        return "ok" in text ? text : call(target, "add", [resource, text]);
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
    table: async (options = {}) => remoteTable(await call<Target>(0, "table", [options])),
    client: async (options) => {
      const target = await call<Target>(0, "client", [{ ...options, url: String(options.url) }]);
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

const isBytes = (value: unknown): value is BufferSource => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
