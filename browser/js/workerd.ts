/** For workerd, Cloudflare's runtime, where wasm is imported compiled. */
import wasm from "./streamgage_bg.wasm";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the wasm; everything else needs that. */
export default (source: Init = wasm): Promise<void> => init(source);
