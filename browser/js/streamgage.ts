/** For browsers, and what bundles for them: `init()` fetches the wasm, which lies beside this module. */
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the wasm; everything else needs that. */
export default (source: Init = new URL("./streamgage_bg.wasm", import.meta.url)): Promise<void> => init(source);
