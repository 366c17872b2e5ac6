/** Rows in every form that a table accepts, as pieces of UTF-8 text. */
import { isBytes } from "./bytes.ts";
import { BadRowError } from "./failures.ts";
import type { Blob, BufferSource, ReadableStream, Response } from "./platform.ts";
import { done, failed, type Outcome } from "./results.ts";
import type { ResourceName, Resources } from "./rows.ts";

/** Rows as objects, or as JSON text: NDJSON, an array of rows, v3 pages, or several of these. */
export type Rows<Name extends ResourceName = ResourceName> = readonly Resources[Name][] | string | BufferSource;

/** Text that arrives in pieces. */
export type Stream = Response | Blob | ReadableStream<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/** The size of a piece: large enough to make the cost of a call negligible, small enough for the processor's cache. */
const PIECE = 1 << 17;
/** Fields whose values are in local time. A `Date`, or a time in UTC, would move commits to another day. */
const LOCAL_DATES = ["author_local_date", "committer_local_date"];
const OBJECTS_PER_PIECE = 1_000;
const encoder = new TextEncoder();
let buffer: Uint8Array<ArrayBuffer> | undefined;

/** Yields the text of rows. A piece is valid until the next one is requested. */
export function* pieces(rows: Rows | Uint8Array, resource: string): Generator<Uint8Array> {
  if (typeof rows === "string") yield* encode(rows);
  else if (Array.isArray(rows)) {
    yield* encode("[");
    for (let at = 0; at < rows.length; at += OBJECTS_PER_PIECE) {
      const array = stringify(rows.slice(at, at + OBJECTS_PER_PIECE), at, resource);
      yield* encode(`${at === 0 ? "" : ","}${array.slice(1, -1)}`);
    }
    yield* encode("]");
  } else if (isBytes(rows)) {
    const bytes = ArrayBuffer.isView(rows)
      ? new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)
      : new Uint8Array(rows);
    for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
  } else {
    const error = "must be an array of objects, text or bytes";
    throw new BadRowError({ resource, index: null, field: null, error });
  }
}

function* encode(text: string): Generator<Uint8Array> {
  buffer ??= new Uint8Array(PIECE);
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + PIECE, text.length);
    // A surrogate pair must not be split.
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end -= 1;
    const { read, written } = encoder.encodeInto(text.slice(at, end), buffer);
    yield buffer.subarray(0, written);
    at += read;
  }
}

/** Returns the JSON text of rows. Reports numbers that JSON cannot express, which `JSON.stringify` would turn into null. */
function stringify(rows: readonly object[], offset: number, resource: string): string {
  let hasBigInt = false;
  for (const [index, row] of rows.entries()) {
    for (const field of LOCAL_DATES) {
      const date: unknown = row?.[field as never];
      if (date instanceof Date || (typeof date === "string" && date.endsWith("Z")))
        throw new BadRowError({
          resource,
          index: offset + index,
          field,
          error: "must be local time without an offset, such as 2021-06-01T09:30:00",
        });
    }
    for (const field in row) {
      const value: unknown = row[field as never];
      if (typeof value === "bigint") hasBigInt = true;
      if (typeof value === "number" && !Number.isFinite(value))
        throw new BadRowError({ resource, index: offset + index, field, error: "must be a finite number" });
    }
  }
  // A BigInt that is too large for an exact number remains too large, and is reported by the reader.
  const replace = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);
  try {
    return JSON.stringify(rows, hasBigInt ? replace : undefined);
  } catch (error) {
    // Finds the row that failed.
    if (rows.length > 1) rows.forEach((row, index) => stringify([row], offset + index, resource));
    throw new BadRowError({ resource, index: offset, field: null, error: `cannot be converted to JSON: ${error}` });
  }
}

/** The chunks of a stream. */
export interface Chunks {
  next(): Promise<{ done?: boolean | undefined; value?: Uint8Array | string }>;
  /** Releases the stream, without waiting for it. */
  cancel(): void;
}

/** Opens a stream, or returns the reason why it cannot be read. */
export function openChunks(source: Stream): Outcome<Chunks> {
  if (typeof source !== "object" || source === null) return noStream();
  if ("bodyUsed" in source && source.bodyUsed) return failed("usage", "The response was already read.");
  const body = "body" in source ? source.body : "getReader" in source ? source : asStream(source);
  if (body === null) return done({ next: () => Promise.resolve({ done: true }), cancel() {} });
  if ("locked" in body && body.locked) return failed("usage", "The stream is locked.");
  // Safari's streams are not async iterables.
  if ("getReader" in body) {
    const reader = body.getReader();
    return done({
      next: () => reader.read() as ReturnType<Chunks["next"]>,
      cancel: () => void reader.cancel().catch(() => {}),
    });
  }
  if (!(Symbol.asyncIterator in body)) return noStream();
  const iterator = body[Symbol.asyncIterator]();
  return done({
    next: () => iterator.next(),
    cancel: () => void iterator.return?.().catch(() => {}),
  });
}

const asStream = (source: Blob | AsyncIterable<Uint8Array | string>) =>
  "stream" in source && typeof source.stream === "function" ? source.stream() : source;

const noStream = () => failed("usage", 'load takes a response, a blob or a stream. For text or bytes, call "add".');
