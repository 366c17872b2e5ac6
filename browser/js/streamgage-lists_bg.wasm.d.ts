/** The wasm itself, compiled: what workerd makes of an import, and others of `import source`. */
declare const wasm: WebAssembly.Module;
export default wasm;
