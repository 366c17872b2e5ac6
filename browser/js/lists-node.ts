/** The entry with lists, for Node. */
import { readFile } from "node:fs/promises";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default (source: Init = readFile(new URL("./streamgage-lists_bg.wasm", import.meta.url))): Promise<void> =>
  init(source);
