// The npm package `streamgage`, as it is published, into browser/dist: the wasm, the JavaScript and types around it
// (browser/js), the manifest, the licences.
import { copyFileSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprint, main, root, run, sha256, unlessDone } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

export const dist = join(root, "browser/dist");

/** What the package was last made from. */
export const packageStamp = join(root, "target/browser.built-from");

/** What the wasm is called beside the package's entries. */
export const WASM = "streamgage_bg.wasm";

export async function buildBrowser(): Promise<void> {
  const made = join(root, "target/browser");
  await buildWasm({ crate: "streamgage-browser", out: "target/browser", name: "wasm", release: true, flags });
  const inputs = ["browser/js", "browser/package.json", "browser/README.md", "scripts/build-browser.ts", "Cargo.toml"];
  const wasm = readFileSync(join(made, "wasm_bg.wasm"));
  const state = sha256(wasm, await fingerprint(...inputs));
  await unlessDone(join(dist, "package.json"), packageStamp, state, async () => {
    rmSync(dist, { recursive: true, force: true });
    // What wasm-bindgen makes comes first: the rest is typed by it.
    cpSync(made, dist, { recursive: true });
    rmSync(join(dist, ".built-from"));
    rmSync(join(dist, "wasm_bg.wasm.d.ts"));
    renameSync(join(dist, "wasm_bg.wasm"), join(dist, WASM));
    await run("tsc", ["--project", "browser/js"]);
    copyFileSync(join(root, "browser/js", `${WASM}.d.ts`), join(dist, `${WASM}.d.ts`));
    for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(root, licence), join(dist, licence));
    copyFileSync(join(root, "browser/README.md"), join(dist, "README.md"));
    const version = /^version = "(.+)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1];
    const manifest = JSON.parse(readFileSync(join(root, "browser/package.json"), "utf8"));
    writeFileSync(join(dist, "package.json"), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);
  });
}

/** The wasm is found by each entry in its own way, and by none of them as wasm-bindgen would. */
const flags = ["--omit-default-module-path"];

if (import.meta.main) await main(buildBrowser);
