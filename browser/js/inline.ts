/** The entry that contains the WebAssembly module, for Node and for bundlers without support of wasm files. */
import base64 from "./streamgage_bg.base64.js";
import { decodeBase64 } from "./bytes.ts";
import { entry } from "./init.ts";

export * from "./index.ts";

/** Starts the WebAssembly module. All functions that compute need it. */
export default entry(false, () => decodeBase64(base64));
