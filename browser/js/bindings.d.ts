/** The JavaScript around the WebAssembly module, which wasm-bindgen generates. */
type Wasm = typeof import("./wasm.js");

export type { Reader, Table as WasmTable } from "./wasm.js";

/** The functions of an instance of the module. */
export interface Bindings extends Pick<
  Wasm,
  "linkTarget" | "metricsColumnsOf" | "metricsOf" | "Table" | "parameterNames" | "validate"
> {
  /** Returns the imports of the module. */
  imports(): object;
  /** Connects the functions to an instance, and returns its exports. */
  start(instance: WebAssembly.Instance): { memory: WebAssembly.Memory };
}

export function createBindings(): Bindings;
