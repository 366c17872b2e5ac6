// Builds the npm package `streamgage` into browser/dist: the WebAssembly modules with and without lists, the JavaScript
// and types around them (browser/js), the manifest and the licences.
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { buildFolder, filesIn, fingerprint, main, rebuildIfChanged, root, run, sha256 } from "./lib.ts";
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
      // Each entry of the package finds the module in its own way.
      bindgenArgs: ["--omit-default-module-path", "--encode-into", "always"],
    });
    modules.push({ name, folder: join(root, out), wasm: readFileSync(join(root, out, "wasm_bg.wasm")) });
  }
  const inputs = ["browser/js", "browser/package.json", "browser/README.md", "scripts/build-browser.ts", "Cargo.toml"];
  const state = sha256(...modules.map(({ wasm }) => wasm), await fingerprint(...inputs));
  await rebuildIfChanged(join(dist, "package.json"), packageStamp, state, () =>
    buildFolder(dist, async (folder) => {
      const copy = (file: string, from: string) => copyFileSync(join(root, from, file), join(folder, file));
      for (const { name, wasm } of modules) {
        writeFileSync(join(folder, `${name}_bg.wasm`), wasm);
        writeFileSync(join(folder, `${name}_bg.base64.js`), `export default "${wasm.toString("base64")}";\n`);
        copyFileSync(join(root, "browser/js/streamgage_bg.wasm.d.ts"), join(folder, `${name}_bg.wasm.d.ts`));
      }
      // The last module exports everything that the first one exports, so its JavaScript serves both.
      const built = modules.at(-1)!.folder;
      writeFileSync(join(folder, "bindings.js"), bindings(readFileSync(join(built, "wasm.js"), "utf8")));
      copyFileSync(join(built, "wasm.d.ts"), join(folder, "wasm.d.ts"));
      copy("bindings.d.ts", "browser/js");
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
  // Older versions of TypeScript do not resolve the extension `.ts` in declarations.
  for (const file of filesIn(folder).filter((file) => file.endsWith(".d.ts"))) {
    const types = readFileSync(join(folder, file), "utf8");
    writeFileSync(join(folder, file), types.replaceAll(/((?:from|import\() ?"\.\/[^"]+)\.ts"/g, '$1.js"'));
  }
}

/**
 * Wraps the JavaScript of wasm-bindgen in a function, because its variables belong to one instance of the module, and a
 * page may start the module without lists, then the one with lists. The package has its own code to load modules.
 */
function bindings(script: string): string {
  const exported = [...script.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  const end = script.indexOf("async function __wbg_load(");
  if (end < 0) throw new Error("the output of wasm-bindgen has a new form");
  const body = script.slice(0, end).replaceAll(/^export (class|function) /gm, "$1 ");
  const members = [...exported, "imports: __wbg_get_imports", "start: __wbg_finalize_init"];
  return `export function createBindings() {\n${body}return { ${members.join(", ")} };\n}\n`;
}

if (import.meta.main) await main(buildBrowser);
