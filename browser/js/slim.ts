/** The entry without a WebAssembly module: `init` takes its bytes, the compiled module, or an address. */
export * from "./index.ts";
export { init as default } from "./init.ts";
