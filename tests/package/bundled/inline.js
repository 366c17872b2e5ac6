// The entry point for bundlers that do not copy wasm files. `run` answers the requests of a corpus at an address.
import init, * as streamgage from "streamgage/lists-inline";
import { answers } from "./answers.js";

await init();
globalThis.run = async (corpus) => answers(streamgage, await (await fetch(corpus)).json());
