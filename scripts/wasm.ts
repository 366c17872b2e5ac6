// A crate → wasm and the JavaScript that loads it: cargo, wasm-bindgen, and for a release wasm-opt.
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fingerprint, root, run, sha256, rebuildIfChanged } from "./lib.ts";
import { wasmBindgen, wasmTarget } from "./tools.ts";

const target = "wasm32-unknown-unknown";

/** What rustc uses of wasm; "all features" would let wasm-opt use what no browser reads yet. */
const proposals = [
  "bulk-memory",
  "exception-handling",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
  "simd",
];

/**
 * Makes a module smaller, in place, or fast: what is for people who look into it goes too. A function that is called from
 * one place stays one, as the compiler left it: in one with its caller it has more locals, and larger numbers for each,
 * and engines keep fewer of a hot loop's in registers. Nothing is kept
 * below the stack.
 */
async function shrink(wasm: string, fast: boolean): Promise<void> {
  const memory = ["--low-memory-unused", "--zero-filled-memory"];
  const small = [...memory, "-Oz"];
  const strip = ["--strip-debug", "--strip-producers", "--strip-target-features"];
  await run("wasm-opt", [
    ...(fast ? ["-O3"] : small),
    "--one-caller-inline-max-function-size=0",
    ...strip,
    ...proposals.map((name) => `--enable-${name}`),
    "-o",
    wasm,
    wasm,
  ]);
}

export type Wasm = {
  crate: string;
  /** Where to. */
  out: string;
  /** What the module and its JavaScript are called. */
  name: string;
  /** Whether wasm-opt makes it smaller or, where it is to be fast, faster. */
  release?: boolean;
  /** Cargo's profile. */
  profile?: string;
  /** More for cargo. */
  features?: string[];
  /** More for wasm-bindgen. */
  flags?: string[];
  /** Whether it may use vectors of 128 bits: every engine has them since 2023. */
  simd?: boolean;
  /** Whether speed comes before size. */
  fast?: boolean;
  /** More for rustc. */
  rustflags?: string[];
};

export async function buildWasm(options: Wasm): Promise<void> {
  const {
    crate,
    out,
    name,
    release = false,
    profile = "wasm",
    features = [],
    flags = [],
    simd = false,
    fast = false,
    rustflags = [],
  } = options;
  await wasmTarget(target);
  // A crate that is also a library for tests would be linked without looking across crates.
  const only = ["--lib", "--crate-type", "cdylib", "--profile", profile, "--target", target, "--package", crate];
  // LLVM would let each array of a loop have a pointer that goes through it, which is larger in wasm and slower.
  const vectors = ["-Ctarget-feature=+simd128", "-Cllvm-args=-disable-lsr"];
  // What panics tell is where in a crate they are, not where on this machine that lies: so all machines build the same.
  const crates = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry/src");
  const flagsOfRust = [`--remap-path-prefix=${crates}=`, ...rustflags, ...(simd ? vectors : [])];
  const env = { CARGO_ENCODED_RUSTFLAGS: flagsOfRust.join("\x1f") };
  await run("cargo", ["rustc", ...only, ...features], { env });
  const bindgen = await wasmBindgen();
  const library = join(root, "target", target, profile, `${crate.replaceAll("-", "_")}.wasm`);
  const wasm = join(root, out, `${name}_bg.wasm`);
  // Cargo is its own judge of what is new; the rest depends on nothing but what it made.
  const how = JSON.stringify({ release, fast, simd, flags });
  const state = sha256(bindgen, readFileSync(library), await fingerprint("scripts/wasm.ts", "package-lock.json"), how);
  await rebuildIfChanged(wasm, join(root, out, ".built-from"), state, async () => {
    mkdirSync(join(root, out), { recursive: true });
    await run(bindgen, ["--target", "web", ...flags, "--out-name", name, "--out-dir", out, library]);
    if (release) await shrink(wasm, fast);
  });
}
