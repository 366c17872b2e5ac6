/** Tables: rows that are loaded once and answer any number of requests. */
import { abortOf, aborted } from "./abort.ts";
import type { Reader, WasmTable } from "./bindings.js";
import { toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { checkOptions, requireOption, requireOptions } from "./options.ts";
import { checkQuery, withIgnored } from "./parameters.ts";
import type { AbortSignal, URL } from "./platform.ts";
import { listPath, METRICS, objectPath, textOf, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiRequest, type ApiResponse, type Asked } from "./request.ts";
import {
  callbackFailure,
  done,
  failed,
  freed,
  statusFailure,
  streamFailure,
  type Added,
  type Failed,
  type Outcome,
} from "./results.ts";
import { openChunks, pieces, type Rows, type Stream } from "./row-text.ts";
import type { AggregateRow, ListRow, MetricsAnswer, MetricsColumns, Page, ResourceName } from "./rows.ts";

declare global {
  // TypeScript before 5.2, and libraries before `esnext.disposable`, do not declare these.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
  interface Disposable {
    [Symbol.dispose](): void;
  }
}

/** Options of {@link Table.load}. */
export interface LoadOptions {
  signal?: AbortSignal;
  /** Called after each chunk. */
  onProgress?: (progress: { rows: number; bytes: number }) => void;
}

/**
 * Rows in WebAssembly memory.
 *
 * Rows can be added in any order and any number of times. A later row replaces an earlier one of the same id, and
 * `{"id": 7, "_deleted": true}` deletes it (§4). A call of `add` or `load` stores all of its rows or none. Call
 * {@link free} or declare the table with `using` when it is no longer needed. Otherwise its memory is released when the
 * garbage collector finds it.
 */
export class Table {
  /**
   * Returns the table's state. Proxies of Vue, Valtio and others, which wrap objects but not functions, share it.
   */
  private readonly state: () => State;

  /**
   * Creates an empty table. With `lists`, the table keeps whole rows, which lists need and metrics don't. Lists also
   * require the `init` of `streamgage/lists`.
   *
   * @throws if the module is not started, or if an option is invalid
   */
  constructor(options: { lists?: boolean } = {}) {
    const Wasm = bindings().Table;
    requireOptions(options, ["lists"]);
    const { lists = false } = options;
    requireOption(typeof lists === "boolean", "lists", "true or false");
    const state: State = { wasm: new Wasm(lists) };
    this.state = () => state;
  }

  /** Adds rows. */
  add<Name extends ResourceName>(resource: Name, rows: Rows<Name>): Outcome<Added> {
    const state = this.state();
    const started = openReader(state, resource);
    if (!started.ok) return started;
    const reader = started.value;
    try {
      for (const piece of pieces(rows, resource)) reader.push(piece);
    } catch (error) {
      return readFailure(state, error, reader);
    }
    return store(state, reader);
  }

  /**
   * Adds the rows of a response or a stream as they arrive, without holding the whole text in memory. An abort ends the
   * call at once, even if the stream is silent.
   */
  async load(resource: ResourceName, source: Stream, options: LoadOptions = {}): Promise<Outcome<Added>> {
    const state = this.state();
    const mistake = checkOptions(options, ["signal", "onProgress"]) ?? statusFailure(source);
    if (mistake) return mistake;
    const { signal, onProgress } = options;
    const opened = openChunks(source);
    if (!opened.ok) return opened;
    const chunks = opened.value;
    const started = openReader(state, resource);
    if (!started.ok) {
      chunks.cancel();
      return started;
    }
    const reader = started.value;
    const fail = (failure: Failed): Failed => {
      chunks.cancel();
      reader.free();
      return failure;
    };
    const abortion = abortOf(signal);
    try {
      for (let bytes = 0; ;) {
        let next: Awaited<ReturnType<typeof chunks.next>>;
        try {
          const first = signal?.aborted ? undefined : await Promise.race([chunks.next(), abortion.promise]);
          if (first === undefined) return fail(aborted(signal));
          next = first;
        } catch (error) {
          return fail(signal?.aborted ? aborted(signal) : streamFailure(error));
        }
        if (next.done) return store(state, reader);
        const chunk = next.value!;
        try {
          for (const piece of pieces(chunk, resource)) reader.push(piece);
        } catch (error) {
          chunks.cancel();
          return readFailure(state, error, reader);
        }
        bytes += chunk.length;
        try {
          onProgress?.({ rows: reader.rows, bytes });
        } catch (error) {
          return fail(callbackFailure(error));
        }
      }
    } finally {
      abortion.stop();
    }
  }

  /** Returns the metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Asked): Outcome<MetricsAnswer> {
    return ask(this.state(), METRICS, query, options, (wasm, request) => wasm.metrics(request));
  }

  /** Returns the metrics of a range as typed arrays. */
  metricsColumns(query: Query<MetricsParameters>, options?: Asked): Outcome<MetricsColumns> {
    return ask(this.state(), METRICS, query, options, (wasm, request) => wasm.metricsColumns(request));
  }

  /** Returns a page of a list (§2). With `fields` or `omit`, rows have only the requested fields. */
  list<Name extends ResourceName, const Parameters extends Query = Query>(
    resource: Name,
    query?: Parameters,
  ): Outcome<Page<ListRow<Name, Parameters>>> {
    return list(this.state(), listPath(resource), query ?? "");
  }

  /** Returns one object of a resource by its id (§2). */
  object<Name extends ResourceName, const Parameters extends Query = Query>(
    resource: Name,
    id: number,
    query?: Parameters,
  ): Outcome<ListRow<Name, Parameters>> {
    return list(this.state(), objectPath(resource, id), query ?? "");
  }

  /** Returns counts and sums of commits by group (§2, `commits.agg`). */
  aggregate(query: Query): Outcome<Page<AggregateRow>> {
    return list(this.state(), listPath("commits.agg"), query);
  }

  /**
   * Returns the status and the body that the API sends for a request such as `/v3/…?…`, to the byte. Links to other
   * pages start with the origin of the request, if it has one.
   */
  answer(request: string | URL, options: Asked = {}): Outcome<ApiResponse> {
    const mistake = checkOptions(options, ["today"]);
    if (mistake) return mistake;
    const address = textOf(request);
    const origin = /^\w+:\/\/[^/?#]*/.exec(address)?.[0] ?? "";
    const [, path = "", query = ""] = /^([^?#]*)\??([^#]*)/.exec(address.slice(origin.length)) ?? [];
    const parts = apiRequest(path, query, options, origin);
    return use(this.state(), (wasm) => wasm.respond(parts));
  }

  /** Releases the table's memory. Later calls return a failure of the kind `freed`. */
  free(): void {
    const state = this.state();
    state.wasm?.free();
    state.wasm = undefined;
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

interface State {
  /** Undefined after the table was freed. */
  wasm: WasmTable | undefined;
}

function use<Value>(state: State, call: (wasm: WasmTable) => Value): Outcome<Value> {
  if (state.wasm === undefined) return freed();
  try {
    return done(call(state.wasm));
  } catch (error) {
    return readFailure(state, error);
  }
}

function ask<Value>(
  state: State,
  path: string,
  query: Query<MetricsParameters> | Query,
  options: Asked = {},
  call: (wasm: WasmTable, request: ApiRequest) => Value,
): Outcome<Value> {
  if (state.wasm === undefined) return freed();
  const mistake = checkOptions(options, ["today"]);
  if (mistake) return mistake;
  const checked = checkQuery(path, query);
  if (!checked.ok) return checked;
  const request = apiRequest(path, query, options);
  return withIgnored(
    use(state, (wasm) => call(wasm, request)),
    checked.value,
  );
}

const list = <Value>(state: State, path: string, query: Query): Outcome<Value> =>
  ask(state, path, query, undefined, (wasm, request) => JSON.parse(wasm.list(request)) as Value);

function openReader(state: State, resource: string): Outcome<Reader> {
  const started = use(state, (wasm) => wasm.reader(textOf(resource)));
  if (!started.ok) return started;
  return started.value ? done(started.value) : failed("not-found", `There is no resource "${textOf(resource)}".`);
}

function store(state: State, reader: Reader): Outcome<Added> {
  // The table may have been freed while the rows were read.
  if (state.wasm === undefined) reader.free();
  return use(state, (wasm) => wasm.add(reader));
}

function readFailure(state: State, error: unknown, reader?: Reader): Failed {
  // After a trap, the state of the module's memory is unknown.
  if (error instanceof WebAssembly.RuntimeError) state.wasm = undefined;
  else reader?.free();
  return toFailure(error);
}
