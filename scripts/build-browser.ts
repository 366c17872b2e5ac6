// Builds the npm package `streamgage` into browser/dist: the WebAssembly modules with and without lists, the JavaScript
// and types around them (browser/js), the manifest and the licences.
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { buildFolder, fingerprint, main, rebuildIfChanged, root, run, sha256 } from "./lib.ts";
import { buildWasm } from "./wasm.ts";

export const dist = join(root, "browser/dist");

/** Records the inputs of the last build. */
export const packageStamp = join(root, "target/browser.built-from");

/** The package's modules: the core is small, the one with lists is fast. */
const MODULES = [
  { name: "streamgage", profile: "wasm", features: "" },
  { name: "streamgage-lists", profile: "wasm-speed", features: "lists" },
] as const;

export async function buildBrowser(): Promise<void> {
  const modules: { name: string; folder: string; wasm: Buffer }[] = [];
  for (const { name, profile, features } of MODULES) {
    const out = `target/browser/${name}`;
    await buildWasm({
      crate: "streamgage-browser",
      out,
      name: "wasm",
      release: true,
      profile,
      cargoArgs: ["--no-default-features", "--features", features],
      // All browsers support vectors of 128 bits since 2023.
      rustflags: ["-Ctarget-feature=+simd128"],
      // Each entry of the package finds the module in its own way.
      bindgenArgs: ["--omit-default-module-path"],
    });
    modules.push({ name, folder: join(root, out), wasm: readFileSync(join(root, out, "wasm_bg.wasm")) });
  }
  const inputs = ["browser/js", "browser/package.json", "browser/README.md", "scripts/build-browser.ts", "Cargo.toml"];
  const state = sha256(...modules.map(({ wasm }) => wasm), await fingerprint(...inputs));
  await rebuildIfChanged(join(dist, "package.json"), packageStamp, state, () =>
    buildFolder(dist, async (folder) => {
      const copy = (file: string, from: string) => copyFileSync(join(root, from, file), join(folder, file));
      for (const { name, folder: built, wasm } of modules) {
        writeFileSync(join(folder, `${name}_bg.wasm`), wasm);
        copyFileSync(join(root, "browser/js/streamgage_bg.wasm.d.ts"), join(folder, `${name}_bg.wasm.d.ts`));
        // The last module exports everything that the first one exports, so its JavaScript serves both.
        for (const file of ["wasm.js", "wasm.d.ts"]) copyFileSync(join(built, file), join(folder, file));
      }
      await compileTypeScript(folder);
      for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) copy(licence, ".");
      copy("README.md", "browser");
      const version = /^version = "(.+)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1];
      const manifest = JSON.parse(readFileSync(join(root, "browser/package.json"), "utf8"));
      writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);
    }),
  );
}

/** Compiles browser/js into a folder that already contains the JavaScript of the modules and its types. */
async function compileTypeScript(folder: string): Promise<void> {
  const source = relative(folder, join(root, "browser/js"));
  const project = join(folder, "tsconfig.json");
  const compilerOptions = { outDir: ".", rootDirs: [source, "."], rootDir: source, sourceRoot: "../js" };
  const config = { extends: join(source, "tsconfig.json"), compilerOptions, include: [join(source, "*.ts")] };
  writeFileSync(project, JSON.stringify(config));
  await run("tsc", ["--project", project]);
  rmSync(project);
}

if (import.meta.main) await main(buildBrowser);
