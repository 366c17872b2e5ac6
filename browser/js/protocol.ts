/** Messages between a page and the thread that holds its tables. */
import type { Progress } from "./client.ts";

/** The sender and receiver of messages: a `Worker`, a `MessagePort`, or the global scope of a worker. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "error" | "messageerror", listener: (event: Event) => void): void;
  start?(): void;
}

/** The target of calls that create a table or a client. Other targets are the ids of the calls that created them. */
export const CREATE = 0;

/** A method call, or its abortion. */
export type Call = { id: number; target: number; method: string; args: unknown[] } | { id: number; abort: string };

/** The result of a call, or its progress. */
export type Reply = { id: number; value: unknown } | { id: number; progress: Progress };
