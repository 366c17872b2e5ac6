// Builds a crate as a WebAssembly module with its JavaScript: cargo, wasm-bindgen and, for a release, wasm-opt.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { buildFolder, fingerprint, rebuildIfChanged, root, run, sha256 } from "./lib.ts";
import { wasmBindgen, wasmTarget } from "./tools.ts";

const target = "wasm32-unknown-unknown";

export type WasmOptions = {
  crate: string;
  /** The output folder. */
  out: string;
  /** The name of the module and its JavaScript. */
  name: string;
  /** Optimizes the module with wasm-opt. */
  release?: boolean;
  profile?: string;
  /** Further arguments of cargo, such as features. */
  cargoArgs?: string[];
  /** Further arguments of wasm-bindgen. */
  bindgenArgs?: string[];
};

export async function buildWasm({
  crate,
  out,
  name,
  release = false,
  profile = "wasm",
  cargoArgs = [],
  bindgenArgs = [],
}: WasmOptions): Promise<void> {
  await wasmTarget(target);
  // Without --crate-type, a crate that is also a library for its tests would not be optimized across crates.
  const args = ["--lib", "--crate-type", "cdylib", "--profile", profile, "--target", target, "--package", crate];
  // Keeps the builder's home directory out of the panic messages.
  const crates = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry/src");
  // All browsers and workerd support vectors of 128 bits. With other flags for one module, cargo would rebuild all crates
  // for each.
  const flags = [`--remap-path-prefix=${crates}=`, "-Ctarget-feature=+simd128"];
  const env = { CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") };
  await run("cargo", ["rustc", "--locked", ...args, ...cargoArgs], { env });

  const bindgen = await wasmBindgen();
  const library = join(root, "target", target, profile, `${crate.replaceAll("-", "_")}.wasm`);
  const options = JSON.stringify({ release, bindgenArgs });
  const tools = await fingerprint("scripts/wasm.ts", "package-lock.json");
  const state = sha256(bindgen, readFileSync(library), tools, options);
  const stamp = join(root, "target", `${out.replaceAll("/", "-")}.built-from`);
  await rebuildIfChanged(join(root, out, `${name}_bg.wasm`), stamp, state, () =>
    buildFolder(join(root, out), async (folder) => {
      await run(bindgen, ["--target", "web", ...bindgenArgs, "--out-name", name, "--out-dir", folder, library]);
      // The abort handler of wasm-bindgen uses exceptions, which the module's list of features does not name.
      const features = ["--enable-exception-handling"];
      const strip = ["--strip-debug", "--strip-producers"];
      const wasm = join(folder, `${name}_bg.wasm`);
      if (release) await run("wasm-opt", ["-Oz", "--converge", ...features, ...strip, "-o", wasm, wasm]);
    }),
  );
}
