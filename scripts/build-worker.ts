// Builds the Worker's module and its JavaScript into worker/build. With --release the module is optimized.
// worker-build is not used: it would take six minutes to install, and add the same two flags of wasm-bindgen.
import { parseArgs } from "node:util";
import { main } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

export const buildWorker = (release: boolean): Promise<void> =>
  buildWasm({
    crate: "streamgage-worker",
    out: "worker/build",
    name: "streamgage_worker",
    release,
    // After a trap, the next call reinitializes the module.
    bindgenArgs: ["--experimental-reset-state-function", "--force-enable-abort-handler"],
  });

if (import.meta.main) {
  const { values } = parseArgs({ options: { release: { type: "boolean", default: false } } });
  await main(() => buildWorker(values.release));
}
