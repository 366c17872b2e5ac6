/** The other end of `streamgage/worker`: what runs in the thread. */
import { createClient, type Client, type ClientOptions, type Loading, type Progress } from "./client.ts";
import { failed, freed } from "./results.ts";
import { Table } from "./table.ts";
import type { Port } from "./worker.ts";

/** A call of a method, or its end. */
export type Call = { id: number; target: number; method: string; args: unknown[] } | { id: number; abort: string };

/** What a call has come to. */
export type Reply = { id: number; value: unknown } | { id: number; progress: Progress };

type Method = (...args: unknown[]) => unknown;

/**
 * Answers what comes through a port.
 *
 * @param start starts the wasm: the `init` of the entry that this runtime has
 */
export function serve(port: Port, start: () => Promise<void>): void {
  const targets = new Map<number, Table | Client>();
  const running = new Map<number, AbortController>();

  async function run({ id, target, method, args }: Extract<Call, { target: number }>): Promise<unknown> {
    if (target === 0) {
      await start();
      targets.set(id, method === "table" ? new Table(args[0] as object) : createClient(args[0] as ClientOptions));
      return id;
    }
    const own = targets.get(target);
    if (method === "load") args[0] = targets.get(args[0] as number);
    if (own === undefined || (method === "load" && args[0] === undefined)) return freed();
    if (method === "free") targets.delete(target);
    const controller = new AbortController();
    running.set(id, controller);
    const options = args.at(-1) as Loading;
    options.signal = controller.signal;
    options.onProgress = (progress) => port.postMessage({ id, progress } satisfies Reply, []);
    return (own as unknown as Record<string, Method>)[method]?.(...args);
  }

  port.addEventListener("message", async ({ data }: MessageEvent<Call>) => {
    if ("abort" in data) return running.get(data.id)?.abort(data.abort);
    const value = await run(data).catch((error: unknown) => failed("worker", String(error)));
    running.delete(data.id);
    const columns = isColumns(value) ? Object.values(value.value).map((column) => column.buffer as ArrayBuffer) : [];
    port.postMessage({ id: data.id, value } satisfies Reply, columns);
  });
  port.start?.();
}

/** Typed arrays are handed over, not copied. */
const isColumns = (value: unknown): value is { value: Record<string, Float64Array> } =>
  typeof value === "object" &&
  value !== null &&
  "value" in value &&
  typeof value.value === "object" &&
  value.value !== null &&
  Object.values(value.value).every((column) => column instanceof Float64Array);
