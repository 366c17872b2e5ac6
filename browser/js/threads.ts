/**
 * Commits as typed arrays, into metrics, by several threads at once.
 *
 * @example
 * ```js
 * import init from "streamgage/lists";
 * import { threads } from "streamgage/threads";
 * await init();
 * // This thread is another.
 * const others = Array.from(
 *   { length: navigator.hardwareConcurrency - 1 },
 *   () => new Worker(new URL("streamgage/thread", import.meta.url), { type: "module" }),
 * );
 * const pool = await threads(others);
 * ```
 */
import { absorb, initSync } from "./wasm.js";
import {
  answerOf,
  COLUMNS,
  figuresOf,
  MAX_ROWS,
  metricsColumnsOf,
  queryOf,
  type CommitColumns,
  type NumberColumn,
  type Range,
} from "./columns.ts";
import { utcToday } from "./queries.ts";
import { failed, type Failure, type Outcome } from "./results.ts";
import type { MetricsAnswer, MetricsColumns } from "./rows.ts";
import { summed, type ShareCall, type Shared, type ShareReply } from "./share.ts";
import type { Asked } from "./table.ts";

/** A `Worker`, of a page or of Node, that runs `streamgage/thread`. */
export type Thread = { postMessage(message: unknown): void; terminate(): unknown } & (
  | {
      addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
      addEventListener(type: "error" | "messageerror", listener: (event: Event) => void): void;
    }
  | { on(type: string, listener: (value: any) => void): unknown }
);

/**
 * Threads that sum columns together with the one that asks them.
 *
 * They read columns where they are: these have to lie in `SharedArrayBuffer`s, which Node has always, and pages where
 * `crossOriginIsolated` is true. Of others, and of few, the asking thread alone makes the answer, which is the same.
 */
export interface Threads {
  /** The metrics of commits, as `metricsOf` answers them. */
  metricsOf(commits: CommitColumns, range: Range, asked?: Asked): Promise<Outcome<MetricsAnswer>>;
  /** The metrics of commits as typed arrays, as `metricsColumnsOf` answers them. */
  metricsColumnsOf(commits: CommitColumns, range: Range, asked?: Asked): Promise<Outcome<MetricsColumns>>;
  /** Ends the threads. What is asked afterwards is answered with a failure of the kind `freed`. */
  free(): void;
  [Symbol.dispose](): void;
}

/** Fewer rows one thread has added before others have been asked, have told what they added, and it was put together. */
const FEW = 1 << 19;

/**
 * Starts threads. If one can't start, or ends, that is the answer to every question: a failure of the kind `worker`.
 *
 * @param others the threads beside this one; from now on they are its own, and `free` ends them
 */
export async function threads(others: readonly Thread[]): Promise<Threads> {
  let end: { ok: false; error: Failure } | undefined;
  const waiting = new Map<number, (reply: ShareReply | undefined) => void>();
  let calls = 0;

  function stop(why: { ok: false; error: Failure }): void {
    end ??= why;
    for (const other of others) other.terminate();
    for (const resolve of waiting.values()) resolve(undefined);
    waiting.clear();
  }
  const onMessage = (data: ShareReply) => {
    waiting.get(data.share)?.(data);
    waiting.delete(data.share);
  };
  const onEnd = () => stop(failed("worker", "A thread has failed."));
  for (const other of others)
    if ("on" in other) {
      other.on("message", onMessage);
      for (const type of ["error", "messageerror", "exit"]) other.on(type, onEnd);
    } else {
      other.addEventListener("message", ({ data }: MessageEvent<ShareReply>) => onMessage(data));
      for (const type of ["error", "messageerror"] as const) other.addEventListener(type, onEnd);
    }

  const ask = (of?: Shared): Promise<ShareReply | undefined>[] =>
    others.map(
      (other) =>
        new Promise((resolve) => {
          const share = (calls += 1);
          waiting.set(share, resolve);
          other.postMessage({ share, ...(of && { of }) } satisfies ShareCall);
        }),
    );

  async function together(commits: CommitColumns, range: Range, asked: Asked): Promise<Outcome<MetricsColumns>> {
    if (end) return end;
    const alone = () => metricsColumnsOf(commits, range, asked);
    const rows = commits.impact?.length;
    const canShare = (name: keyof CommitColumns) => commits[name]?.length === rows && isShared(commits[name]);
    if (!(rows >= FEW && rows <= MAX_ROWS && COLUMNS.every(canShare))) return alone();
    const taken = new Int32Array(new SharedArrayBuffer(4));
    const of = { query: queryOf(range), today: asked.today ?? utcToday(), commits, taken };
    const asking = Promise.all(ask(of));
    const own = summed(of);
    const replies = await asking;
    const columns = figuresOf(
      () => own,
      (wasm) => !end && replies.every((reply) => reply?.sums && absorb(wasm, reply.sums)),
    );
    // What is wrong is told as one thread finds it.
    return end ?? columns ?? alone();
  }

  const pool: Threads = {
    metricsColumnsOf: (commits, range, asked = {}) => together(commits, range, asked),
    metricsOf: async (commits, range, asked = {}) => answerOf(await together(commits, range, asked), range),
    free: () => stop(failed("freed", "The threads were ended.")),
    [Symbol.dispose]: () => pool.free(),
  };
  if (!("absorb" in initSync(undefined as never))) stop(failed("no-lists", 'Threads need init of "streamgage/lists".'));
  for (const reply of end ? [] : await Promise.all(ask()))
    if (reply?.error !== undefined) stop(failed("worker", `A thread could not start: ${reply.error}`));
  return pool;
}

const isShared = (column: NumberColumn): boolean =>
  "buffer" in column && globalThis.crossOriginIsolated !== false && column.buffer instanceof SharedArrayBuffer;
