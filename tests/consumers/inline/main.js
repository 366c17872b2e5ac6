import init, * as streamgage from "streamgage/lists-inline";
import { weeks } from "./weeks.js";

await init();
const text = weeks(streamgage);
if (globalThis.document) document.body.textContent = text;
else console.log(text);
