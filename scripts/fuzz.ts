// npm run fuzz [-- TARGET … SECONDS]: runs all fuzz targets, or the named ones, for some seconds each (default 60).
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError, main, root, run, stage } from "./lib.ts";
import { cargoFuzz, pathWith } from "./tools.ts";

/** libFuzzer options: inputs have at most the length of a URL; limits are five seconds and 512 MB. */
const LIMITS = ["-max_len=16384", "-timeout=5", "-rss_limit_mb=512", "-print_final_stats=1"];

await main(async () => {
  const targets = readdirSync(join(root, "fuzz/targets")).map((file) => file.replace(/\.rs$/, ""));
  const args = process.argv.slice(2);
  const seconds = args.find((word) => /^\d+$/.test(word)) ?? "60";
  const named = args.filter((word) => word !== seconds);
  const unknown = named.find((name) => !targets.includes(name));
  if (unknown) throw new UserError(`unknown target ${unknown}; the targets are ${targets.join(", ")}`);
  const env = {
    PATH: pathWith(await cargoFuzz()),
    // cargo-fuzz passes unstable compiler flags, which stable Rust accepts only with this variable.
    RUSTC_BOOTSTRAP: "1",
  };
  // The fuzzed code is safe Rust, so AddressSanitizer would find nothing.
  const flags = ["--sanitizer", "none", "--target-dir", join(root, "target/fuzz")];
  for (const target of named.length > 0 ? named : targets)
    await stage(target, async () => {
      await run("cargo", ["fuzz", "run", ...flags, target, "--", ...LIMITS, `-max_total_time=${seconds}`], { env });
    });
});
