/** The entry with lists, for browsers and bundlers. */
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default (source: Init = new URL("./streamgage-lists_bg.wasm", import.meta.url)): Promise<void> => init(source);
