// The npm package `streamgage`, as it is published, into browser/dist: the wasm with lists and without, the JavaScript
// and types around it (browser/js), the manifest, the licences.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprint, main, root, run, sha256, rebuildIfChanged } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

export const dist = join(root, "browser/dist");

/** What the package was last made from. */
export const packageStamp = join(root, "target/browser.built-from");

/** The wasm files of the package: the core, for size, and with lists, for speed. */
const MODULES = [
  { name: "streamgage", features: "small", fast: false },
  { name: "streamgage-lists", features: "small,lists", fast: true },
];

export async function buildBrowser(): Promise<void> {
  const modules: { name: string; folder: string; wasm: Buffer }[] = [];
  for (const { name, features, fast } of MODULES) {
    const out = `target/browser/${name}`;
    await buildWasm({
      crate: "streamgage-browser",
      out,
      name: "wasm",
      release: true,
      profile: fast ? "wasm-fast" : "wasm-small",
      features: ["--no-default-features", "--features", features],
      // Each entry of the package finds the wasm in its own way.
      flags: ["--omit-default-module-path"],
      simd: true,
      fast,
    });
    modules.push({ name, folder: join(root, out), wasm: readFileSync(join(root, out, "wasm_bg.wasm")) });
  }
  const inputs = ["browser/js", "browser/package.json", "browser/README.md", "scripts/build-browser.ts", "Cargo.toml"];
  const state = sha256(...modules.map(({ wasm }) => wasm), await fingerprint(...inputs));
  await rebuildIfChanged(join(dist, "package.json"), packageStamp, state, async () => {
    rmSync(dist, { recursive: true, force: true });
    mkdirSync(dist);
    for (const { name, folder, wasm } of modules) {
      writeFileSync(join(dist, `${name}_bg.wasm`), wasm);
      copyFileSync(join(root, "browser/js/streamgage_bg.wasm.d.ts"), join(dist, `${name}_bg.wasm.d.ts`));
      // What both are called by is that of the last one, which has all that the other has.
      for (const file of ["wasm.js", "wasm.d.ts"]) copyFileSync(join(folder, file), join(dist, file));
    }
    await run("tsc", ["--project", "browser/js"]);
    for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(root, licence), join(dist, licence));
    copyFileSync(join(root, "browser/README.md"), join(dist, "README.md"));
    const version = /^version = "(.+)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1];
    const manifest = JSON.parse(readFileSync(join(root, "browser/package.json"), "utf8"));
    writeFileSync(join(dist, "package.json"), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);
  });
}

if (import.meta.main) await main(buildBrowser);
