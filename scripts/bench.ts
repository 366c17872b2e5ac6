// npm run bench [-- --json FILE]: what streamgage takes, beside another way to the same answer; medians, in milliseconds.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { corpora, METRICS } from "../tests/conformance.ts";
import { bodyText, loadDump } from "../tests/reference/metrics.mjs";
import { Failure, main, root, run } from "./lib.ts";

type Row = { name: string; ours: number; peer: number; ratio: number };
const rows: Row[] = [];

async function median(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[3] ?? NaN;
}

/** A row of the result; both must do the same work. A ratio over 1 says how many times faster ours is. */
async function bench(name: string, ours: () => unknown, peer: () => unknown): Promise<void> {
  const [a, b] = [await median(ours), await median(peer)];
  rows.push({ name, ours: a, peer: b, ratio: b / a });
  console.log(
    `${name.padEnd(76)}${a.toFixed(1).padStart(10)}${b.toFixed(1).padStart(10)}${(b / a).toFixed(1).padStart(8)}`,
  );
}

const program = join(root, "target/release/streamgage");

/** The answers of one run of the program, a line each. */
function query(dump: string, today: string, queries: string[]): string[] {
  const input = queries.map((query) => `${METRICS}?${query}\n`).join("");
  const done = spawnSync(program, ["query", dump, "--today", today, "-"], {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (done.status !== 0) throw new Failure(done.stderr || `${program} could not be run`);
  return done.stdout.split("\n").slice(0, -1);
}

await main(async () => {
  const { values } = parseArgs({ options: { json: { type: "string" } } });
  await run("cargo", ["build", "--release", "--bin", "streamgage"]);
  console.log(`${"milliseconds".padEnd(76)}${"ours".padStart(10)}${"peer".padStart(10)}${"ratio".padStart(8)}`);

  for (const { name, dump, today, cases } of corpora()) {
    const queries = cases.map(({ query }) => query);
    await bench(
      `${cases.length} of ${name}, load included; the JS reference`,
      () => query(dump, today, queries),
      () => {
        const loaded = loadDump(dump);
        for (const query of queries) bodyText(query, today, loaded);
      },
    );
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
});
