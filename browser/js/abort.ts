/** Aborted calls. */
import type { AbortSignal } from "./platform.ts";
import { failed, type Failed } from "./results.ts";

/** Returns the failure of a call that a signal aborted. */
export const aborted = (signal?: AbortSignal): Failed => failed("aborted", String(signal?.reason));

/** Returns a promise that resolves when the signal is aborted, and a function that stops waiting for it. */
export function abortOf(signal: AbortSignal | undefined): { promise: Promise<undefined>; stop: () => void } {
  let onAbort = () => {};
  const promise = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
  });
  return { promise, stop: () => signal?.removeEventListener("abort", onAbort) };
}
