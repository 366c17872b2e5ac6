/** Tables: rows that are loaded once and answer any number of requests. */
import { Table as WasmTable, type Reader } from "./wasm.js";
import { toFailure } from "./failures.ts";
import { listPath, METRICS, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiResponse, type Asked } from "./request.ts";
import {
  done,
  failed,
  freed,
  statusFailure,
  streamFailure,
  type Added,
  type BadRow,
  type Errors,
  type Failed,
  type Failure,
  type Outcome,
} from "./results.ts";
import { chunks, pieces, type Rows, type Stream } from "./row-text.ts";
import type { AggregateRow, Day, MetricsAnswer, MetricsColumns, Page, ResourceName, Shown } from "./rows.ts";

/** Rows by resource. Commits may name users and repositories that are missing from the rows. */
export type Organization = { [Name in ResourceName]?: Rows<Name> | null };

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
  #wasm: WasmTable | undefined;

  /**
   * Creates an empty table. With `lists`, the table keeps whole rows, which lists need and metrics don't. Lists also
   * require the `init` of `streamgage/lists`.
   */
  constructor(options: { lists?: boolean } = {}) {
    this.#wasm = new WasmTable(options.lists === true);
  }

  /** Adds rows. */
  add<Name extends ResourceName>(resource: Name, rows: Rows<Name>): Outcome<Added> {
    const started = this.#reader(resource);
    if (!started.ok) return started;
    const reader = started.value;
    try {
      for (const piece of pieces(rows, resource)) reader.push(piece);
    } catch (error) {
      return this.#failure(error, reader);
    }
    return this.#store(reader);
  }

  /** Adds the rows of a response or a stream as they arrive, without holding the whole text in memory. */
  async load(
    resource: ResourceName,
    source: Stream,
    { signal, onProgress }: LoadOptions = {},
  ): Promise<Outcome<Added>> {
    const started = statusFailure(source) ?? this.#reader(resource);
    if (!started.ok) return started;
    const reader = started.value;
    try {
      let bytes = 0;
      for await (const chunk of chunks(source)) {
        if (signal?.aborted) break;
        try {
          for (const piece of pieces(chunk, resource)) reader.push(piece);
        } catch (error) {
          return this.#failure(error, reader);
        }
        bytes += chunk.length;
        onProgress?.({ rows: reader.rows, bytes });
      }
    } catch (error) {
      reader.free();
      return signal?.aborted ? aborted(signal) : streamFailure(error);
    }
    if (!signal?.aborted) return this.#store(reader);
    reader.free();
    return aborted(signal);
  }

  /** Returns the metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Asked): Outcome<MetricsAnswer> {
    const request = apiRequest(METRICS, query, options);
    return this.#use((wasm) => wasm.metrics(request));
  }

  /** Returns the metrics of a range as typed arrays. */
  metricsColumns(query: Query<MetricsParameters>, options?: Asked): Outcome<MetricsColumns> {
    const request = apiRequest(METRICS, query, options);
    return this.#use((wasm) => wasm.metricsColumns(request));
  }

  /** Returns a page of a list (§2). With `fields` or `omit`, rows have only the requested fields. */
  list<Name extends ResourceName>(resource: Name, query: Query = ""): Outcome<Page<Shown[Name]>> {
    return this.#list(listPath(resource), query);
  }

  /** Returns one object of a resource by its id (§2). */
  object<Name extends ResourceName>(resource: Name, id: number, query: Query = ""): Outcome<Shown[Name]> {
    return this.#list(`${listPath(resource)}${id}/`, query);
  }

  /** Returns counts and sums of commits by group (§2, `commits.agg`). */
  aggregate(query: Query): Outcome<Page<AggregateRow>> {
    return this.#list(listPath("commits.agg"), query);
  }

  /**
   * Returns the status and the body that the API sends for a request such as `/v3/…?…`, to the byte. Links to other
   * pages start with the origin of the request, if it has one.
   */
  answer(request: string | URL, options?: Asked): Outcome<ApiResponse> {
    const address = String(request);
    const origin = /^\w+:\/\/[^/?#]*/.exec(address)?.[0] ?? "";
    const [, path = "", query = ""] = /^([^?#]*)\??([^#]*)/.exec(address.slice(origin.length)) ?? [];
    const parts = apiRequest(path, query, options, origin);
    return this.#use((wasm) => wasm.respond(parts));
  }

  /**
   * Returns the metrics of a range. The original form of {@link metrics}, which remains available.
   *
   * @param today the UTC date that "3 years prior to now" counts from, `YYYY-MM-DD`
   */
  periodMetrics(query: string, today: Day): MetricsResult {
    const result = this.metrics(query, { today });
    if (result.ok) return { ok: true, answer: result.value };
    return result.error.kind === "request"
      ? { ok: false, errors: result.error.errors as Errors }
      : { ok: false, error: result.error };
  }

  /** Releases the table's memory. Later calls return a failure of the kind `freed`. */
  free(): void {
    this.#wasm?.free();
    this.#wasm = undefined;
  }

  [Symbol.dispose](): void {
    this.free();
  }

  #reader(resource: string): Outcome<Reader> {
    const started = this.#use((wasm) => wasm.reader(resource));
    if (!started.ok) return started;
    return started.value ? done(started.value) : failed("not-found", `There is no resource "${resource}".`);
  }

  #store(reader: Reader): Outcome<Added> {
    // The table may have been freed while the rows were read.
    if (this.#wasm === undefined) reader.free();
    return this.#use((wasm) => wasm.add(reader));
  }

  #list<Value>(path: string, query: Query): Outcome<Value> {
    const request = apiRequest(path, query);
    return this.#use((wasm) => JSON.parse(wasm.list(request)) as Value);
  }

  #use<Value>(call: (wasm: WasmTable) => Value): Outcome<Value> {
    if (this.#wasm === undefined) return freed();
    try {
      return done(call(this.#wasm));
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown, reader?: Reader): Failed {
    // After a trap, the state of the module's memory is unknown.
    if (error instanceof WebAssembly.RuntimeError) this.#wasm = undefined;
    else reader?.free();
    return toFailure(error);
  }
}

/** The result of {@link Table.periodMetrics}. */
export type MetricsResult =
  | { ok: true; answer: MetricsAnswer; errors?: never; row?: never; error?: never }
  | { ok: false; errors: Errors; row?: never; error?: never }
  | { ok: false; row: BadRow; errors?: never; error?: never }
  | { ok: false; error: Failure; errors?: never; row?: never };

const aborted = (signal?: AbortSignal) => failed("aborted", String(signal?.reason ?? "The operation was aborted."));
