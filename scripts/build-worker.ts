// The Worker's wasm and its JavaScript, into worker/build, where worker/entry.js finds them. --release: as small as it gets.
import { parseArgs } from "node:util";
import { main } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

export const buildWorker = (release: boolean): Promise<void> =>
  buildWasm({
    crate: "streamgage-worker",
    out: "worker/build",
    name: "streamgage_worker",
    release,
    bindgenArgs: ["--experimental-reset-state-function", "--force-enable-abort-handler"],
  });

if (import.meta.main) {
  const { values } = parseArgs({ options: { release: { type: "boolean", default: false } } });
  await main(() => buildWorker(values.release));
}
