/** Without the wasm: bring your own bytes, module or address. */
export * from "./index.ts";
export { init as default } from "./instance.ts";
