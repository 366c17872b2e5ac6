/** The entry for workerd, the runtime of Cloudflare Workers, which imports compiled modules. */
import wasm from "./streamgage_bg.wasm";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default (source: Init = wasm): Promise<void> => init(source);
