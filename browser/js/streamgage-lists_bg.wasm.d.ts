/** The compiled WebAssembly module, as workerd imports it and others do with `import source`. */
declare const wasm: WebAssembly.Module;
export default wasm;
