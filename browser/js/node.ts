/** The entry for Node, which reads the WebAssembly module from the package. */
import { readFile } from "node:fs/promises";
import { init, type Init } from "./instance.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default (source: Init = readFile(new URL("./streamgage_bg.wasm", import.meta.url))): Promise<void> =>
  init(source);
