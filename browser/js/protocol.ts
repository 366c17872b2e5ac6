/** Messages between a page and the thread that holds its tables. */

/** A `Worker`, a `MessagePort`, or the global scope of a worker. */
export interface WebPort {
  postMessage(message: any, transfer?: any): void;
  addEventListener(type: string, listener: (event: any) => void): void;
  start?(): void;
}

/** A `Worker` or `MessagePort` of `node:worker_threads`. */
export interface NodePort {
  postMessage(message: any, transfer?: any): void;
  on(type: string, listener: (value: any) => void): unknown;
}

/** The sender and receiver of messages. */
export type Port = WebPort | NodePort;

/** The target of calls that concern the thread. Other targets are the ids of the calls that created them. */
export const THREAD = 0;

/** A message to the thread: a method call, its abortion, or a part of the stream that it reads. */
export type Call =
  | { id: number; target: number; method: string; args: unknown[] }
  | { id: number; abort: string }
  | { id: number; chunk: Uint8Array | string }
  | { id: number; end: true; error?: string };

/** A message from the thread: the result of a call, or its progress, which for a stream also asks for the next part. */
export type Reply = { id: number; value: unknown } | { id: number; progress: unknown };

/** Calls the listener with the data of messages, or with the events of other types. */
export function listen(port: Port, type: string, listener: (data: any) => void): void {
  if ("on" in port) return void port.on(type, listener);
  port.addEventListener(type, (event) => listener(type === "message" ? event.data : event));
  port.start?.();
}
