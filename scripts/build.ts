// npm run build: everything that is published or deployed, as small as it gets: the npm package into browser/dist (by
// wasm-pack), the page into www/dist, the Worker's module into worker/build.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { main, root, run, stage } from "./lib.ts";
import { pathWith, wasmBindgen, wasmPack, wasmTarget } from "./tools.ts";

async function buildPackage(): Promise<void> {
  await wasmTarget("wasm32-unknown-unknown");
  const [pack, bindgen] = [await wasmPack(), await wasmBindgen()];
  rmSync(join(root, "browser/dist"), { recursive: true, force: true });
  const flags = ["--target", "web", "--out-dir", "dist", "--out-name", "streamgage", "--mode", "no-install"];
  await run(pack, ["build", "browser", ...flags, "--profile", "wasm"], { env: { PATH: pathWith(bindgen) } });
}

await main(async () => {
  await stage("package", buildPackage);
  await stage("page", buildPage);
  await stage("Worker", () => buildWorker(true));
});
