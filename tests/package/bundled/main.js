// What a bundler bundles: `run` asks by the name of this page's own corpus.
import init, * as streamgage from "streamgage/lists";
import { answers } from "./answers.js";

await init();
globalThis.run = async (corpus) => answers(streamgage, await (await fetch(corpus)).json());
