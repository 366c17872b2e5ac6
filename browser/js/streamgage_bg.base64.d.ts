/** The bytes of the WebAssembly module. */
declare const base64: string;
export default base64;
