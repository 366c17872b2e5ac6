// The entry point for a bundler that imports a wasm file as bytes (esbuild's loader "binary").
import wasm from "streamgage/streamgage-lists.wasm";
import init, * as streamgage from "streamgage/slim";
import { answers } from "./answers.js";

await init(wasm);
globalThis.run = async (corpus) => answers(streamgage, await (await fetch(corpus)).json());
