// npm run bench [-- PART … --json FILE]: what streamgage takes, beside another way to the same answer; medians, in
// milliseconds. The parts are cli, lists, d1, proxy, columns and text; --commits NUMBER is for columns of one size alone.
import { spawnSync } from "node:child_process";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { corpora, METRICS } from "../tests/conformance.ts";
import { bodyText, loadDump } from "../tests/reference/metrics.mjs";
import { benchColumns } from "./bench/columns.ts";
import { benchD1 } from "./bench/d1.ts";
import { enlarged } from "./bench/dumps.ts";
import { benchLists } from "./bench/lists.ts";
import { type Figure, figure, heading, median } from "./bench/measure.ts";
import { benchProxy } from "./bench/proxy.ts";
import { benchText } from "./bench/text.ts";
import { UserError, main, root, run } from "./lib.ts";

const figures: Figure[] = [];

async function time(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/**
 * A row of the result; both must do the same work. They run in turns, so that a machine whose speed drifts is fair to
 * both. A ratio over 1 says how many times faster ours is.
 */
async function bench(name: string, ours: () => unknown, peer: () => unknown, rounds = 7): Promise<void> {
  const times = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.ours.push(await time(ours));
    times.peer.push(await time(peer));
  }
  figures.push(figure(name, median(times.ours), median(times.peer)));
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
  if (done.status !== 0) throw new UserError(done.stderr || `${program} could not be run`);
  return done.stdout.split("\n").slice(0, -1);
}

/** What people write: every line parsed, and the sums of a week in an object. It leaves out what excludes a commit. */
async function loop(dump: string): Promise<number> {
  const weeks: Record<number, { commits: number; haloc: number; churn: number; impact: number }> = {};
  for await (const line of createInterface({ input: createReadStream(join(dump, "commits.ndjson")) })) {
    const row = JSON.parse(line);
    const number = Math.floor((Date.parse(`${row.author_local_date}Z`) / 86_400_000 + 3) / 7);
    const week = (weeks[number] ??= { commits: 0, haloc: 0, churn: 0, impact: 0 });
    week.commits += 1;
    week.haloc += row.haloc;
    week.churn += row.churn;
    week.impact += row.impact;
  }
  return Object.keys(weeks).length;
}

/** Dumps through the command line. */
async function benchCli(): Promise<Figure[]> {
  await run("cargo", ["build", "--release", "--bin", "streamgage"]);
  heading("milliseconds");

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
  const shared = corpora().find(({ name }) => name.startsWith("../shared"));
  if (shared) {
    const { today } = shared;
    const dump = await enlarged(shared.dump, 1_000_000, []);
    await bench(
      "a million commits: one request, load included; JSON.parse and sums in Node",
      () => query(dump, today, ["start_date=2025-01-01&resolution=week"]),
      () => loop(dump),
      3,
    );
  }
  return figures;
}

const { values, positionals } = parseArgs({
  options: { json: { type: "string" }, commits: { type: "string" } },
  allowPositionals: true,
});

const parts: Record<string, () => Promise<object[]>> = {
  cli: benchCli,
  lists: benchLists,
  d1: benchD1,
  proxy: benchProxy,
  columns: () => benchColumns(values.commits === undefined ? undefined : [Number(values.commits)]),
  text: benchText,
};

await main(async () => {
  const unknown = positionals.find((name) => !(name in parts));
  if (unknown) throw new UserError(`no part ${unknown}; the parts are ${Object.keys(parts).join(", ")}`);
  const figures: object[] = [];
  for (const [name, part] of Object.entries(parts))
    if (positionals.length === 0 || positionals.includes(name)) figures.push(...(await part()));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
});
