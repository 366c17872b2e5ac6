/** An organization's rows, loaded once and asked many times. */
import { heap, Reader, Table as Wasm, validate } from "./wasm.js";
import { listPath, METRICS, queryString, utcToday, type MetricsParameters, type Query } from "./queries.ts";
import {
  brokeOff,
  done,
  failed,
  freed,
  unanswered,
  type BadRow,
  type Errors,
  type ListErrors,
  type Outcome,
} from "./results.ts";
import type { AggregateRow, Day, MetricsAnswer, MetricsColumns, Page, ResourceName, Resources, Shown } from "./rows.ts";

/** Rows as objects, or JSON text as it came: NDJSON, a list of rows, v3 pages, or several of these. */
export type Rows<Name extends ResourceName = ResourceName> = readonly Resources[Name][] | string | BufferSource;

/** Text that comes piece by piece. */
export type Stream = Response | Blob | ReadableStream<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/** What was added to a table. */
export interface Added {
  /** How many rows. */
  rows: number;
  /** Of a v3 page, where it says that the next one is. */
  next: string | null;
  /** Of a v3 page, how many rows it says that there are in all. */
  count?: number;
}

/** The rows that metrics are made of, by resource. Commits may be of users and repositories that are not among them. */
export type Organization = { [Name in ResourceName]?: Rows<Name> | null };

/** What a question may set. */
export interface Asked {
  /** The day that counts as today, `YYYY-MM-DD`; in UTC, today. */
  today?: Day;
}

/** What comes out of {@link Table.load} while it reads. */
export interface LoadOptions {
  signal?: AbortSignal;
  /** Told after each piece. */
  onProgress?: (progress: { rows: number; bytes: number }) => void;
}

/** So much is handed over at once: enough to forget the way there, little enough to be read from a cache. */
const PIECE = 1 << 17;
const ROWS_AT_ONCE = 1_000;
const encoder = new TextEncoder();

/**
 * Rows in wasm's memory.
 *
 * Rows are added in any order and any number of times; the later row of an id takes the place of an earlier one, and
 * `{"id": 7, "_deleted": true}` deletes (§4). An addition is kept whole or not at all. Free a table that is no longer
 * needed, by {@link free} or `using`; if it is forgotten, the garbage collector frees it some day.
 */
export class Table {
  #wasm: Wasm | undefined;

  /**
   * Without rows. Metrics need little of each row; to ask for lists as well, `lists` keeps the rows as a whole. That
   * takes the larger module, which `init` of `streamgage/lists` starts.
   */
  constructor(options: { lists?: boolean } = {}) {
    this.#wasm = new Wasm(options.lists === true);
  }

  /** Adds rows that are at hand. */
  add<Name extends ResourceName>(resource: Name, rows: Rows<Name>): Outcome<Added> {
    return this.#read(resource, (reader) => {
      push(reader, rows, resource);
    });
  }

  /** Adds rows from a response or a stream as they come, without ever holding the whole text. */
  async load(
    resource: ResourceName,
    source: Stream,
    { signal, onProgress }: LoadOptions = {},
  ): Promise<Outcome<Added>> {
    const read = unanswered(source) ?? this.#begin(resource);
    if (!read.ok) return read;
    const reader = read.value;
    try {
      let bytes = 0;
      for await (const chunk of chunks(source)) {
        if (signal?.aborted) break;
        push(reader, chunk, resource);
        bytes += chunk.length;
        onProgress?.({ rows: reader.rows, bytes });
      }
      if (!signal?.aborted) return this.#end(reader);
    } catch (error) {
      reader.free();
      if (error instanceof Refused || error instanceof WebAssembly.RuntimeError) return this.#failure(error);
      return signal?.aborted ? aborted(signal) : brokeOff(error);
    }
    reader.free();
    return aborted(signal);
  }

  /** The metrics of a range (§1). */
  metrics(query: Query<MetricsParameters>, options?: Asked): Outcome<MetricsAnswer> {
    return this.#ask(METRICS, queryString(query), options);
  }

  /** The metrics of a range as typed arrays. */
  metricsColumns(query: Query<MetricsParameters>, { today = utcToday() }: Asked = {}): Outcome<MetricsColumns> {
    const text = queryString(query);
    const asked = this.#use((wasm) => wasm.columns(text, `${today}`));
    if (!asked.ok) return asked;
    return asked.value === undefined ? invalid(text, today) : done(figures(asked.value));
  }

  /** A page of a list (§2). With `fields` or `omit` rows have those fields alone that were asked for. */
  list<Name extends ResourceName>(resource: Name, query: Query = ""): Outcome<Page<Shown[Name]>> {
    return this.#ask(listPath(resource), queryString(query));
  }

  /** One object of a resource, by its id (§2). */
  object<Name extends ResourceName>(resource: Name, id: number, query: Query = ""): Outcome<Shown[Name]> {
    return this.#ask(`${listPath(resource)}${id}/`, queryString(query));
  }

  /** Counts and sums of commits by group (§2, `commits.agg`). */
  aggregate(query: Query): Outcome<Page<AggregateRow>> {
    return this.#ask(listPath("commits.agg"), queryString(query));
  }

  /**
   * What the API answers, to the byte: the status and the body of a request for `/v3/…?…`. Links to other pages begin
   * with the request's own origin, if it has one.
   */
  answer(request: string | URL, { today = utcToday() }: Asked = {}): Outcome<{ status: number; body: string }> {
    const target = String(request);
    const origin = /^\w+:\/\/[^/?#]*/.exec(target)?.[0] ?? "";
    const [, path = "", query = ""] = /^([^?#]*)\??([^#]*)/.exec(target.slice(origin.length)) ?? [];
    return this.#use((wasm) => parts(wasm.answer(path, query, `${today}`, origin)));
  }

  /**
   * The metrics of a range, as `periodMetrics(query, today)` answered before {@link metrics} was there.
   *
   * @param today the UTC date that "3 years prior to now" counts from, `YYYY-MM-DD`
   */
  periodMetrics(query: string, today: Day): MetricsResult {
    const asked = this.metrics(query, { today });
    if (asked.ok) return { ok: true, answer: asked.value };
    // Beside a bad request there is only the table that is no more.
    return asked.error.kind === "request"
      ? { ok: false, errors: asked.error.errors as Errors }
      : { ok: false, error: asked.error };
  }

  /** Gives its memory back. What is asked afterwards is answered with a failure of the kind `freed`. */
  free(): void {
    this.#wasm?.free();
    this.#wasm = undefined;
  }

  [Symbol.dispose](): void {
    this.free();
  }

  #use<Value>(use: (wasm: Wasm) => Value): Outcome<Value> {
    if (this.#wasm === undefined) return freed();
    try {
      return done(use(this.#wasm));
    } catch (error) {
      return this.#failure(error);
    }
  }

  /** What an exception means for this table. */
  #failure(error: unknown): { ok: false; error: Failure } {
    const meant = failure(error);
    // What a trap leaves behind can't be relied on.
    if (meant.error.kind === "memory") this.#wasm = undefined;
    return meant;
  }

  #begin(resource: string): Outcome<Reader> {
    const begun = this.#use((wasm) => wasm.reader(resource));
    if (!begun.ok) return begun;
    return begun.value ? done(begun.value) : failed("not-found", `There is no resource ${resource}.`);
  }

  #read(resource: string, read: (reader: Reader) => void): Outcome<Added> {
    const begun = this.#begin(resource);
    if (!begun.ok) return begun;
    try {
      read(begun.value);
    } catch (error) {
      begun.value.free();
      return this.#failure(error);
    }
    return this.#end(begun.value);
  }

  #end(reader: Reader): Outcome<Added> {
    // The table may have been freed while it was read.
    if (this.#wasm === undefined) reader.free();
    return this.#use((wasm) => {
      const report = JSON.parse(wasm.add(reader)) as Added | BadRow;
      if ("error" in report) throw new Refused(badRow(report));
      return report;
    });
  }

  #ask<Value>(path: string, query: string, { today = utcToday() }: Asked = {}): Outcome<Value> {
    const asked = this.#use((wasm) => parts(wasm.answer(path, query, `${today}`, "")));
    if (!asked.ok) return asked;
    const refused = refusal(asked.value);
    return refused ?? done(JSON.parse(asked.value.body) as Value);
  }
}

/** A result of {@link Table.periodMetrics}. */
export type MetricsResult =
  | { ok: true; answer: MetricsAnswer; errors?: never; row?: never; error?: never }
  | { ok: false; errors: Errors; row?: never; error?: never }
  | { ok: false; row: BadRow; errors?: never; error?: never }
  | { ok: false; error: Failure; errors?: never; row?: never };

type Failure = Extract<Outcome<never>, { ok: false }>["error"];

/** What an exception means; one that is none of ours goes on. */
export function failure(error: unknown): { ok: false; error: Failure } {
  if (error instanceof Refused) return { ok: false, error: error.failure };
  if (!(error instanceof WebAssembly.RuntimeError)) throw error;
  return failed("memory", "It is more than wasm's memory of 4 GB holds; what was in it is gone.");
}

/** Of columns that lie one after the other. */
export function figures(all: Float64Array): MetricsColumns {
  const rows = all.length / 5;
  // Each has a buffer of its own, which can be transferred.
  const column = (place: number) => all.slice(place * rows, (place + 1) * rows);
  return {
    period_start_date: column(0),
    active_days: column(1),
    commit_count: column(2),
    total_impact: column(3),
    total_efficiency: column(4),
  };
}

/** Why a metrics request is not valid. */
export const invalid = (query: string, today: Day): { ok: false; error: Failure } =>
  refusal(parts(validate(METRICS, query, `${today}`)))!;

/** Carries a failure out of a loop. */
export class Refused extends Error {
  readonly failure: Failure;

  constructor({ error }: { error: Failure }) {
    super(error.message);
    this.failure = error;
  }
}

export const badRow = (row: BadRow) => {
  const place = (row.index === null ? "" : `[${row.index}]`) + (row.field === null ? "" : `.${row.field}`);
  return failed("row", `${row.resource}${place}: ${row.error}`, { row });
};

const aborted = (signal?: AbortSignal) => failed("aborted", String(signal?.reason ?? "It was aborted."));

/** A status of three digits, and the body behind it. */
const parts = (answer: string) => ({ status: Number(answer.slice(0, 3)), body: answer.slice(3) });

/** Why an answer of the core is no value; undefined if it is one. */
export function refusal({ status, body }: { status: number; body: string }): { ok: false; error: Failure } | undefined {
  if (status === 400) {
    const errors = JSON.parse(body) as ListErrors;
    return failed("request", describe(errors), { errors });
  }
  if (status === 404) return failed("not-found", "Not found.");
  return status === 501
    ? failed("no-lists", 'Lists need new Table({ lists: true }), and init of "streamgage/lists".')
    : undefined;
}

/** The messages of a 400 in a line. */
export const describe = (errors: ListErrors): string =>
  Object.entries(errors)
    .map(([name, messages]) => `${name}: ${Array.isArray(messages) ? messages.join(" ") : describe(messages)}`)
    .join(" ");

/** Hands rows over, or a part of their text. */
function push(reader: Reader, rows: Rows | Uint8Array, resource: string): void {
  if (typeof rows === "string") {
    pushText(reader, rows);
  } else if (Array.isArray(rows)) {
    pushText(reader, "[");
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
      const text = textOf(rows.slice(at, at + ROWS_AT_ONCE), at, resource);
      pushText(reader, at === 0 ? text.slice(1, -1) : `,${text.slice(1, -1)}`);
    }
    pushText(reader, "]");
  } else if (isBytes(rows)) {
    const bytes = ArrayBuffer.isView(rows)
      ? new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)
      : new Uint8Array(rows);
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      room(reader, piece.length).set(piece);
      read(reader, piece.length);
    }
  } else {
    throw new Refused(badRow({ resource, index: null, field: null, error: "must be an array of rows" }));
  }
}

function pushText(reader: Reader, text: string): void {
  for (let at = 0; at < text.length;) {
    // No text takes more than three bytes for each of its units.
    const into = room(reader, Math.min(PIECE, 3 * (text.length - at)));
    let end = Math.min(at + into.length, text.length);
    // Both halves of a character stay together.
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end -= 1;
    const { read: taken, written } = encoder.encodeInto(text.slice(at, end), into);
    read(reader, written);
    at += taken;
  }
}

/** Where in wasm's memory the next piece is written. */
const room = (reader: Reader, size: number): Uint8Array => {
  const begin = reader.room(size);
  return new Uint8Array((heap() as WebAssembly.Memory).buffer, begin, size);
};

function read(reader: Reader, length: number): void {
  const refused = reader.push(length);
  if (refused !== undefined) throw new Refused(badRow(JSON.parse(refused) as BadRow));
}

const isBytes = (value: unknown): value is BufferSource =>
  ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === "[object ArrayBuffer]";

/** The JSON of some rows. JSON has no form for some of JavaScript's numbers, and shows them as null: they are named. */
function textOf(rows: readonly object[], before: number, resource: string): string {
  let hasBigInt = false;
  for (const [index, row] of rows.entries())
    for (const field in row) {
      const value: unknown = row[field as never];
      if (typeof value === "bigint") hasBigInt = true;
      if (typeof value === "number" && !Number.isFinite(value)) {
        const bad = { resource, index: before + index, field, error: "must be a finite number" };
        throw new Refused(badRow(bad));
      }
    }
  // A number that is too large to be exact stays too large.
  const replace = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);
  try {
    return JSON.stringify(rows, hasBigInt ? replace : undefined);
  } catch (error) {
    // Which of them it is, they tell one by one.
    if (rows.length > 1) rows.forEach((row, index) => textOf([row], before + index, resource));
    throw new Refused(badRow({ resource, index: before, field: null, error: `is no JSON: ${error}` }));
  }
}

async function* chunks(source: Stream): AsyncGenerator<Uint8Array | string> {
  const body = source instanceof Response ? source.body : source instanceof Blob ? source.stream() : source;
  if (body === null) return;
  if (Symbol.asyncIterator in body) return yield* body as AsyncIterable<Uint8Array | string>;
  // Safari's streams can't be iterated yet.
  const reader = (body as ReadableStream<Uint8Array | string>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
