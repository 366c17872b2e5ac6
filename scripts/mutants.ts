// npm run mutants [-- PART … FILE … SHARD/SHARDS]: changes the code in thousands of places, one at a time, and runs the tests
// of the crate for each (cargo-mutants). Fails if a change survives that tests/mutants.txt does not list. A part takes
// hours; files (as globs) and a shard select a part of it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError, main, root, stage } from "./lib.ts";
import { cargoMutants, pathWith } from "./tools.ts";

/** A crate and the tests that judge its mutants. */
type Part = { crate: string; files: string; except?: string; tests: string[]; optimization: string };

const PARTS: Record<string, Part> = {
  // The tests of the kernel compute a lot.
  kernel: { crate: "streamgage-kernel", files: "kernel/src/**", tests: ["--lib"], optimization: "1" },
  core: { crate: "streamgage", files: "src/**", tests: ["--lib", "--tests"], optimization: "0" },
  cache: { crate: "streamgage-edge", files: "edge/src/proxy/cache/**", tests: ["--lib"], optimization: "0" },
  proxy: {
    crate: "streamgage-edge",
    files: "edge/src/proxy/**",
    except: "edge/src/proxy/cache/**",
    tests: ["--lib", "--tests"],
    optimization: "1",
  },
};

/** Mutants that survive are listed with a reason, which is indented. */
const LIST = "tests/mutants.txt";

/** A mutant's name without its line and column, which change. */
const withoutPosition = (line: string): string => line.replace(/^([^:]+):\d+:\d+: /, "$1: ");

const linesOf = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];

/** Returns the elements of a list that another one does not contain as often. */
function without(list: string[], other: string[]): string[] {
  const rest = [...other];
  return list.filter((each) => {
    const index = rest.indexOf(each);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

async function runPart(name: string, { crate, files, except, tests, optimization }: Part, args: string[]) {
  const out = join(root, "target/mutants", name);
  mkdirSync(out, { recursive: true });
  const program = await cargoMutants();
  const shards = args.filter((arg) => /^\d+\/\d+$/.test(arg));
  const selected = args.filter((arg) => !shards.includes(arg));
  const selection = [
    ...(selected.length > 0 ? selected : [files]).flatMap((glob) => ["--file", glob]),
    ...(except ? ["--exclude", except] : []),
    ...shards.flatMap((shard) => ["--shard", shard]),
  ];
  const flags = ["--package", crate, "--output", out, "--jobs", "1", "--timeout", "120", "--cap-lints", "true"];
  const done = spawnSync("nice", ["-n", "19", "cargo", "mutants", ...flags, ...selection, "--", ...tests], {
    cwd: root,
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: pathWith(program),
      CARGO_PROFILE_DEV_DEBUG: "0",
      CARGO_PROFILE_DEV_OPT_LEVEL: optimization,
      CARGO_PROFILE_TEST_OPT_LEVEL: optimization,
      PROPTEST_CASES: "64",
    },
  });
  // 2 and 3: mutants survived or ran into the time limit.
  if (![0, 2, 3].includes(done.status ?? -1)) throw new UserError(`cargo mutants failed (exit code ${done.status})`);
  const [caught, missed, timeouts] = ["caught", "missed", "timeout"].map((kind) =>
    linesOf(join(out, "mutants.out", `${kind}.txt`)),
  ) as [string[], string[], string[]];

  const killed = [...caught, ...timeouts];
  for (const file of [...new Set([...killed, ...missed].map((line) => line.split(":")[0]!))].sort()) {
    const of = (lines: string[]) => lines.filter((line) => line.startsWith(`${file}:`)).length;
    console.log(`${file.padEnd(40)} ${of(killed)} of ${of(killed) + of(missed)} killed`);
  }
  console.log(`${name}: ${killed.length} of ${killed.length + missed.length} killed`);

  const listed = linesOf(join(root, LIST)).filter((line) => !/^[#\s]/.test(line));
  const survivors = missed.map(withoutPosition);
  const unlisted = without(survivors, listed);
  if (unlisted.length > 0)
    throw new UserError(`these mutants survive; add a test, or a reason to ${LIST}:\n${unlisted.join("\n")}`);
  // The list may only shrink. A shard does not have all mutants of a file.
  const tested = new Set([...killed, ...missed].map((line) => line.split(":")[0]));
  const gone = without(shards.length > 0 ? [] : listed.filter((line) => tested.has(line.split(":")[0])), survivors);
  if (gone.length > 0) throw new UserError(`these mutants are killed; remove them from ${LIST}:\n${gone.join("\n")}`);
}

await main(async () => {
  const args = process.argv.slice(2);
  const named = args.filter((arg) => arg in PARTS);
  const unknown = args.find((arg) => !(arg in PARTS) && !arg.includes("/"));
  if (unknown) throw new UserError(`unknown part ${unknown}; the parts are ${Object.keys(PARTS).join(", ")}`);
  const rest = args.filter((arg) => !(arg in PARTS));
  for (const name of named.length > 0 ? named : Object.keys(PARTS))
    await stage(name, () => runPart(name, PARTS[name]!, rest));
});
