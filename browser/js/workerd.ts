/** The entry for workerd, the runtime of Cloudflare Workers, which imports compiled modules. */
import wasm from "./streamgage_bg.wasm";
import { entry } from "./init.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default entry(false, () => wasm);
