// node main.mjs CORPUS: prints the responses, one line each.
import { readFileSync } from "node:fs";
import init, * as streamgage from "streamgage/lists";
import { answers } from "./answers.js";

await init();
console.log(answers(streamgage, JSON.parse(readFileSync(process.argv[2], "utf8"))).join("\n"));
