// The npm package's wasm, JavaScript and types, into browser/dist, without wasm-pack: enough for the page and its tests.
// `npm run build` makes the package that is published.
import { main } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

export const buildBrowser = (): Promise<void> =>
  buildWasm({ crate: "streamgage-browser", out: "browser/dist", name: "streamgage" });

if (import.meta.main) await main(buildBrowser);
