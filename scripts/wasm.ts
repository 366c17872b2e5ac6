// A crate → wasm and the JavaScript that loads it: cargo, wasm-bindgen, and for a release wasm-opt.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root, run, sha256, unlessDone } from "./lib.ts";
import { wasmBindgen, wasmTarget } from "./tools.ts";

const target = "wasm32-unknown-unknown";

/** What rustc uses of wasm; "all features" would let wasm-opt use what no browser reads yet. */
const features = [
  "bulk-memory",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
];

/** Makes a module smaller, in place: what is for people who look into it goes too. */
async function shrink(wasm: string): Promise<void> {
  const strip = ["--strip-debug", "--strip-producers", "--strip-target-features"];
  await run("wasm-opt", ["-Oz", ...strip, ...features.map((name) => `--enable-${name}`), "-o", wasm, wasm]);
}

/** `flags` are wasm-bindgen's. */
export type Wasm = { crate: string; out: string; name: string; release?: boolean; flags?: string[] };

export async function buildWasm({ crate, out, name, release = false, flags = [] }: Wasm): Promise<void> {
  await wasmTarget(target);
  await run("cargo", ["build", "--profile", "wasm", "--target", target, "--package", crate]);
  const bindgen = await wasmBindgen();
  const library = join(root, "target", target, "wasm", `${crate.replaceAll("-", "_")}.wasm`);
  const wasm = join(root, out, `${name}_bg.wasm`);
  // Cargo is its own judge of what is new; the rest depends on nothing but what it made.
  const state = sha256(bindgen, readFileSync(library), String(release), ...flags);
  await unlessDone(wasm, join(root, out, ".built-from"), state, async () => {
    mkdirSync(join(root, out), { recursive: true });
    await run(bindgen, ["--target", "web", ...flags, "--out-name", name, "--out-dir", out, library]);
    if (release) await shrink(wasm);
  });
}
