// npm run fuzz [-- TARGET … SECONDS]: runs all fuzz targets, or the named ones, for some seconds each (default 60).
// npm run fuzz -- --merge [TARGET …]: adds to fuzz/corpus what the runs have found that reaches further code.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError, main, root, run, stage } from "./lib.ts";
import { cppCompiler } from "./tools.ts";

/**
 * libFuzzer options: inputs have at most the length of a URL; limits are five seconds, 512 MB, and 64 MB for a single
 * allocation.
 */
const LIMITS = ["-max_len=16384", "-timeout=5", "-rss_limit_mb=512", "-malloc_limit_mb=64"];

/** Flags of rustc for the counters that libFuzzer reads, and for AddressSanitizer, because the kernel has unsafe code. */
const FLAGS = [
  "-Cpasses=sancov-module",
  ...["level=4", "inline-8bit-counters", "pc-table", "trace-compares"].map(
    (option) => `-Cllvm-args=-sanitizer-coverage-${option}`,
  ),
  "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
  "-Ccodegen-units=1",
  "-Zsanitizer=address",
  "--cfg=fuzzing",
];

/** The inputs in the repository. Each run begins with them. */
const corpus = (target: string): string => join(root, "fuzz/corpus", target);
/** The inputs that runs on this machine have found. */
const found = (target: string): string => join(root, "target/fuzz/corpus", target);

export const targets = readdirSync(join(root, "fuzz/targets")).map((file) => file.replace(/\.rs$/, ""));

async function build(): Promise<(target: string, args: string[]) => Promise<string>> {
  await cppCompiler();
  // With a target, cargo builds procedural macros and build scripts without the flags.
  const host = /^host: (.+)$/m.exec(execFileSync("rustc", ["-vV"], { encoding: "utf8" }))?.[1];
  if (!host) throw new UserError("rustc -vV names no host");
  const flags = ["--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target/fuzz", "--target", host];
  await run("cargo", ["build", "--locked", "--release", "--bins", ...flags], {
    // Stable Rust has AddressSanitizer, but accepts its flag only with this variable.
    env: { CARGO_ENCODED_RUSTFLAGS: FLAGS.join("\x1f"), RUSTC_BOOTSTRAP: "1" },
  });
  const env = { ASAN_OPTIONS: "quarantine_size_mb=16:detect_odr_violation=0" };
  return (target, args) => {
    for (const folder of [corpus(target), found(target)]) mkdirSync(folder, { recursive: true });
    return run(join(root, "target/fuzz", host, "release", target), args, { env });
  };
}

export async function fuzz(names: string[], seconds: number): Promise<void> {
  const runTarget = await build();
  const artifacts = join(root, "fuzz/artifacts");
  mkdirSync(artifacts, { recursive: true });
  for (const target of names)
    await stage(`${target}, ${seconds} s`, async () => {
      const options = [
        `-max_total_time=${seconds}`,
        `-artifact_prefix=${artifacts}/${target}-`,
        "-verbosity=0",
        "-print_funcs=0",
      ];
      await runTarget(target, [...LIMITS, ...options, "-print_final_stats=1", found(target), corpus(target)]);
    });
}

/** Selects few inputs that together reach all code that is known to be reachable. */
async function merge(names: string[]): Promise<void> {
  const runTarget = await build();
  for (const target of names)
    await stage(target, async () => {
      const merged = `${found(target)}.merged`;
      rmSync(merged, { recursive: true, force: true });
      mkdirSync(merged, { recursive: true });
      await runTarget(target, [
        "-set_cover_merge=1",
        "-use_counters=0",
        ...LIMITS,
        merged,
        corpus(target),
        found(target),
      ]);
      rmSync(corpus(target), { recursive: true });
      renameSync(merged, corpus(target));
    });
}

if (import.meta.main)
  await main(async () => {
    const args = process.argv.slice(2);
    const seconds = args.find((word) => /^\d+$/.test(word)) ?? "60";
    const named = args.filter((word) => word !== seconds && word !== "--merge");
    const unknown = named.find((name) => !targets.includes(name));
    if (unknown) throw new UserError(`unknown target ${unknown}; the targets are ${targets.join(", ")}`);
    const names = named.length > 0 ? named : targets;
    await (args.includes("--merge") ? merge(names) : fuzz(names, Number(seconds)));
  });
