/** The compiled WebAssembly module, as workerd imports it and others do with `import source`. */
type Module = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Type } } } ? Type : object;
declare const wasm: Module;
export default wasm;
