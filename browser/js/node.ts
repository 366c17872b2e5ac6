/** For Node: `init()` reads the wasm, which lies beside this module. */
import { readFile } from "node:fs/promises";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the wasm; everything else needs that. */
export default (source: Init = readFile(new URL("./streamgage_bg.wasm", import.meta.url))): Promise<void> =>
  init(source);
