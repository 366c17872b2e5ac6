/** The thread's side of `streamgage/worker`. */
import { createClient, type Client, type ClientOptions, type Loading } from "./client.ts";
import { CREATE, type Call, type Port, type Reply } from "./protocol.ts";
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

  async function run({ id, target, method, args }: Extract<Call, { target: number }>): Promise<unknown> {
    if (target === CREATE) {
      await start();
      targets.set(id, method === "table" ? new Table(args[0] as object) : createClient(args[0] as ClientOptions));
      return id;
    }
    const receiver = targets.get(target);
    if (method === "load") args[0] = targets.get(args[0] as number);
    if (receiver === undefined || (method === "load" && args[0] === undefined)) return freed();
    if (method === "free") targets.delete(target);
    const controller = new AbortController();
    running.set(id, controller);
    const options = args.at(-1) as Loading;
    options.signal = controller.signal;
    options.onProgress = (progress) => port.postMessage({ id, progress } satisfies Reply, []);
    return (receiver as unknown as Record<string, Method>)[method]?.(...args);
  }

  port.addEventListener("message", async ({ data }: MessageEvent<Call>) => {
    if ("abort" in data) return running.get(data.id)?.abort(data.abort);
    const value = await run(data).catch((error: unknown) => failed("worker", String(error)));
    running.delete(data.id);
    port.postMessage({ id: data.id, value } satisfies Reply, buffers(value));
  });
  port.start?.();
}

/** Returns the buffers of typed arrays in an outcome, which are transferred instead of copied. */
function buffers(outcome: unknown): ArrayBuffer[] {
  const { value } = (outcome ?? {}) as { value?: object };
  const members = typeof value === "object" && value !== null ? Object.values(value) : [];
  return members.flatMap((member) => (member instanceof Float64Array ? [member.buffer as ArrayBuffer] : []));
}
