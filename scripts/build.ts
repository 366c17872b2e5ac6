// npm run build: everything that is published or deployed, as small as it gets: the npm package into browser/dist (by
// wasm-pack), the page into www/dist, the Worker's module into worker/build.
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { main, root, run, stage } from "./lib.ts";
import { pathWith, wasmBindgen, wasmPack, wasmTarget } from "./tools.ts";
import { shrink } from "./wasm.ts";

async function buildPackage(): Promise<void> {
  await wasmTarget("wasm32-unknown-unknown");
  const [pack, bindgen] = [await wasmPack(), await wasmBindgen()];
  const dist = join(root, "browser/dist");
  // What build-browser.ts finds there next is no longer its own.
  rmSync(join(dist, ".built-from"), { force: true });
  const flags = ["--target", "web", "--out-dir", "dist", "--out-name", "streamgage", "--mode", "no-install"];
  await run(pack, ["build", "browser", ...flags, "--profile", "wasm"], { env: { PATH: pathWith(bindgen) } });
  await shrink(join(dist, "streamgage_bg.wasm"));
  // wasm-pack names the package after the crate, and looks for licences beside it alone.
  const licences = ["LICENSE-MIT", "LICENSE-APACHE"];
  for (const licence of licences) copyFileSync(join(root, licence), join(dist, licence));
  const made = JSON.parse(readFileSync(join(dist, "package.json"), "utf8"));
  const manifest = { ...made, name: "streamgage", files: [...made.files, ...licences] };
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(join(dist, ".gitignore"), { force: true });
}

await main(async () => {
  await stage("package", buildPackage);
  await stage("page", buildPage);
  await stage("Worker", () => buildWorker(true));
});
