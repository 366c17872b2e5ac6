/** The WebAssembly module, which is started at most once. */
import start, { initSync as startSync } from "./wasm.js";

/** The WebAssembly module: its bytes, compiled, a response, or an address to fetch. */
export type Source = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** The argument of `init`: a source or a promise of one, optionally under the name that wasm-bindgen uses. */
export type Init = Source | Promise<Source> | { module_or_path: Source | Promise<Source> };

let starting: Promise<void> | undefined;

/** Starts the module. Later calls have no effect, unless the first one failed. */
export const init = (source: Init): Promise<void> =>
  (starting ??= start(isNamed(source) ? source : { module_or_path: source }).then(
    () => {},
    (error: unknown) => {
      starting = undefined;
      throw error;
    },
  ));

const isNamed = (source: Init): source is { module_or_path: Source | Promise<Source> } =>
  typeof source === "object" && "module_or_path" in source;

/** Starts the module synchronously from bytes or a compiled module. Browsers limit the size of such modules. */
export function initSync(
  source: BufferSource | WebAssembly.Module | { module: BufferSource | WebAssembly.Module },
): void {
  if (starting === undefined) startSync("module" in source ? source : { module: source });
  starting ??= Promise.resolve();
}
