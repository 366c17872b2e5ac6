/** The entry with lists, for browsers and bundlers. */
import { decodeBase64 } from "./bytes.ts";
import { entry } from "./init.ts";

export * from "./index.ts";

/**
 * Starts the WebAssembly module. All functions that compute need it. Where the file of the module is missing, as in the
 * output of bundlers that copy no such files, the module is imported as JavaScript.
 */
export default entry(
  true,
  () => new URL("./streamgage-lists_bg.wasm", import.meta.url),
  async () => decodeBase64((await import("./streamgage-lists_bg.base64.js")).default),
);
