/** With lists, for browsers, and what bundles for them. */
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the wasm; everything else needs that. */
export default (source: Init = new URL("./streamgage-lists_bg.wasm", import.meta.url)): Promise<void> => init(source);
