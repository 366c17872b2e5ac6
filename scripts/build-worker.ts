// The Worker's wasm and its JavaScript, into worker/build, where worker/entry.js finds them. --release: as small as it gets.
import { parseArgs } from "node:util";
import { main } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

/** Keys are short, and hashed once a request: a loop is as good as its eight thousand bytes unrolled. */
const rustflags = ['--cfg=sha2_backend_soft="compact"'];

export const buildWorker = (release: boolean): Promise<void> =>
  buildWasm({
    crate: "streamgage-worker",
    out: "worker/build",
    name: "streamgage_worker",
    release,
    rustflags,
  });

if (import.meta.main) {
  const { values } = parseArgs({ options: { release: { type: "boolean", default: false } } });
  await main(() => buildWorker(values.release));
}
