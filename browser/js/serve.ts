/** The thread's side of `streamgage/worker`. */
import { createClient, type Client, type ClientOptions, type Loading } from "./client.ts";
import { listen, THREAD, type Call, type Port, type Reply } from "./protocol.ts";
import { failed, freed } from "./results.ts";
import { Table } from "./table.ts";

type Method = (...args: unknown[]) => unknown;

/**
 * Answers the calls that arrive through a port.
 *
 * @param start starts the WebAssembly module: the `init` of the entry for this runtime
 */
export function serve(port: Port, start: () => Promise<void>): void {
  const targets = new Map<number, Table | Client>();
  const running = new Map<number, AbortController>();
  const streams = new Map<number, Stream>();

  async function run({ id, target, method, args }: Extract<Call, { target: number }>): Promise<unknown> {
    if (target === THREAD) {
      if (method === "hello") return true;
      await start();
      targets.set(id, method === "table" ? new Table(args[0] as object) : createClient(args[0] as ClientOptions));
      return id;
    }
    const receiver = targets.get(target);
    const isTable = receiver instanceof Table;
    if (isTable && method === "load") args[1] = streams.get(id);
    if (!isTable && method === "load") args[0] = targets.get(args[0] as number);
    if (receiver === undefined || (method === "load" && args[0] === undefined)) return freed();
    if (method === "free") targets.delete(target);
    if (!isTable || method === "load") {
      const controller = new AbortController();
      running.set(id, controller);
      const options = args.at(-1) as Loading;
      options.signal = controller.signal;
      if (method === "load") options.onProgress = (progress) => port.postMessage({ id, progress } satisfies Reply, []);
    }
    return (receiver as unknown as Record<string, Method>)[method]?.(...args);
  }

  listen(port, "message", async (call: Call) => {
    if ("abort" in call) return running.get(call.id)?.abort(call.abort);
    if ("chunk" in call || "end" in call) return streams.get(call.id)?.add(call);
    if (call.method === "load") streams.set(call.id, new Stream());
    const value = await run(call).catch((error: unknown) =>
      // An option is invalid.
      error instanceof TypeError ? failed("usage", error.message) : failed("worker", String(error)),
    );
    running.delete(call.id);
    streams.delete(call.id);
    port.postMessage({ id: call.id, value } satisfies Reply, buffers(value));
  });
}

type Part = Extract<Call, { chunk: unknown } | { end: true }>;

/** A stream whose parts arrive as messages. */
class Stream {
  #parts: Part[] = [];
  #notify = () => {};

  add(part: Part): void {
    this.#parts.push(part);
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array | string> {
    for (;;) {
      const part = this.#parts.shift();
      if (part === undefined) await new Promise<void>((resolve) => (this.#notify = resolve));
      else if ("chunk" in part) yield part.chunk;
      else if (part.error !== undefined) throw part.error;
      else return;
    }
  }
}

/** Returns the buffers of typed arrays in an outcome, which are transferred instead of copied. */
function buffers(outcome: unknown): ArrayBuffer[] {
  const { value } = (outcome ?? {}) as { value?: object };
  const members = typeof value === "object" && value !== null ? Object.values(value) : [];
  return members.flatMap((member) => (member instanceof Float64Array ? [member.buffer as ArrayBuffer] : []));
}
