// npm run fuzz [-- TARGET … SECONDS]: each target of fuzz/, or those named, for some seconds; 60, if none are said.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError, main, root, run, stage } from "./lib.ts";
import { cargoFuzz, pathWith } from "./tools.ts";

/** libFuzzer's: no input longer than an address may be, and none that takes five seconds or half a gigabyte. */
const LIMITS = ["-max_len=16384", "-timeout=5", "-rss_limit_mb=512", "-print_final_stats=1"];

await main(async () => {
  const targets = readdirSync(join(root, "fuzz/targets")).map((file) => file.replace(/\.rs$/, ""));
  const asked = process.argv.slice(2);
  const seconds = asked.find((word) => /^\d+$/.test(word)) ?? "60";
  const named = asked.filter((word) => word !== seconds);
  const unknown = named.find((name) => !targets.includes(name));
  if (unknown) throw new UserError(`no target ${unknown}; the targets are ${targets.join(", ")}`);
  const env = {
    PATH: pathWith(await cargoFuzz()),
    // Fuzzing is built by flags that stable Rust has, but does not take without this.
    RUSTC_BOOTSTRAP: "1",
  };
  // What is fuzzed is safe Rust: there is nothing for AddressSanitizer to find.
  const flags = ["--sanitizer", "none", "--target-dir", join(root, "target/fuzz")];
  for (const target of named.length > 0 ? named : targets)
    await stage(target, async () => {
      await run("cargo", ["fuzz", "run", ...flags, target, "--", ...LIMITS, `-max_total_time=${seconds}`], { env });
    });
});
