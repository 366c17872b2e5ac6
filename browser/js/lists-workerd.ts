/** The entry with lists, for workerd. */
import wasm from "./streamgage-lists_bg.wasm";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default (source: Init = wasm): Promise<void> => init(source);
