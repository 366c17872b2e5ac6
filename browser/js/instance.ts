/** The running WebAssembly module. A module with lists replaces one without, and never the reverse. */
import type { Bindings } from "./bindings.js";
import { NotStartedError } from "./failures.ts";

/** A started module. */
export interface Instance {
  bindings: Bindings;
  hasLists: boolean;
  memory: WebAssembly.Memory;
}

let current: Instance | undefined;

/** Returns the module that is used from now on, if one was started. */
export const currentInstance = (): Instance | undefined => current;

/** Returns the functions of the module. */
export function bindings(): Bindings {
  if (current === undefined) throw new NotStartedError();
  return current.bindings;
}

/** Uses a module from now on, unless the current one has lists and the new one has none. */
export function adopt(instance: Instance): void {
  if (current === undefined || (instance.hasLists && !current.hasLists)) current = instance;
}
