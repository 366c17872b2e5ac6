/** A thread's share of columns that several threads sum: what `streamgage/threads` asks, and `streamgage/thread` does. */
import { Columns as Wasm, share_of } from "./wasm.js";
import { addRows, type CommitColumns } from "./columns.ts";
import type { Day } from "./rows.ts";
import type { Port } from "./worker.ts";

/** What is to be summed. All threads take rows of it, a few at once, until none are left. */
export interface Shared {
  query: string;
  today: Day;
  commits: CommitColumns;
  /** The first row that nobody has taken. */
  taken: Int32Array<SharedArrayBuffer>;
}

/** So many rows are taken at once: so few that all threads end at about the same time. */
const STEP = 8_192;

/** Asks for a share of columns or, without any, whether the thread has started. */
export type ShareCall = { share: number; of?: Shared };

/** What a thread has summed; or an error, where it could not start; or neither, where it could not do its share. */
export type ShareReply = { share: number; sums?: Uint8Array<ArrayBuffer>; error?: string };

/** What this thread has summed when no rows are left; or nothing, where something is wrong. Then nobody takes any more. */
export function summed({ query, today, commits, taken }: Shared): Wasm | undefined {
  let wasm: Wasm | undefined;
  try {
    wasm = Wasm.begin(query, `${today}`);
    if (wasm && addRows(wasm, commits, STEP, (size) => Atomics.add(taken, 0, size))) return wasm;
  } catch (error) {
    // What a trap leaves behind can't be relied on.
    if (error instanceof WebAssembly.RuntimeError) wasm = undefined;
  }
  wasm?.free();
  Atomics.store(taken, 0, commits.impact.length);
  return undefined;
}

/** Does what {@link threads} asks through a port. */
export function share(port: Port, start: () => Promise<void>): void {
  port.addEventListener("message", async ({ data }: MessageEvent<ShareCall>) => {
    if (!("share" in data)) return;
    const { share, of } = data;
    if (of === undefined) {
      const error = await start().then(() => undefined, String);
      return port.postMessage({ share, ...(error !== undefined && { error }) } satisfies ShareReply, []);
    }
    const sums = sumsOf(of);
    port.postMessage({ share, ...(sums && { sums }) } satisfies ShareReply, sums ? [sums.buffer] : []);
  });
  port.start?.();
}

function sumsOf(of: Shared): Uint8Array<ArrayBuffer> | undefined {
  const wasm = summed(of);
  try {
    return wasm && (share_of(wasm) as Uint8Array<ArrayBuffer>);
  } catch {
    // There is no memory for it.
    return undefined;
  }
}
