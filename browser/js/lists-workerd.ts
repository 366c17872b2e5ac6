/** With lists, for workerd. */
import wasm from "./streamgage-lists_bg.wasm";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the wasm; everything else needs that. */
export default (source: Init = wasm): Promise<void> => init(source);
