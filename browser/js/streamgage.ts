/** The entry for browsers and bundlers, which fetches the WebAssembly module from the package. */
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default (source: Init = new URL("./streamgage_bg.wasm", import.meta.url)): Promise<void> => init(source);
