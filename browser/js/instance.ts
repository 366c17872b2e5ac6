/** The one instance of the wasm, which every entry starts in its own way. */
import start, { initSync as startSync } from "./wasm.js";

/** The wasm itself: its bytes, compiled, as a response, or where to fetch it. */
export type Source = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** What `init` takes: a source, a promise of one, or either under the name that wasm-bindgen gives it. */
export type Init = Source | Promise<Source> | { module_or_path: Source | Promise<Source> };

let starting: Promise<void> | undefined;

/** Starts the wasm; once it has, nothing more happens. */
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

/** Starts the wasm from its bytes or from a compiled module, at once. Browsers limit what a page may compile so. */
export function initSync(
  source: BufferSource | WebAssembly.Module | { module: BufferSource | WebAssembly.Module },
): void {
  if (starting === undefined) startSync("module" in source ? source : { module: source });
  starting ??= Promise.resolve();
}
