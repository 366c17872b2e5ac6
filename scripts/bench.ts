// npm run bench [-- PART …] [--json FILE]: compares streamgage with other ways to the same result. The parts are cli, lists,
// d1, proxy, columns and text.
// npm run bench -- --repo PATH: reads the history of a git repository, compared with git itself.
// npm run bench -- --against COMMIT [PART …] [--json FILE]: compares this checkout with another commit. The parts are lists,
// package, d1 and proxy.
import { spawnSync } from "node:child_process";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { corpora, METRICS } from "../tests/conformance.ts";
import { bodyText, loadDump } from "../tests/reference/metrics.mjs";
import { benchAgainst } from "./bench/against.ts";
import { build, thisCheckout } from "./bench/checkout.ts";
import { benchColumns } from "./bench/columns.ts";
import { benchD1 } from "./bench/d1.ts";
import { enlarged } from "./bench/dumps.ts";
import { benchGit } from "./bench/git.ts";
import { benchLists } from "./bench/lists.ts";
import { type Figure, figure, heading, measure } from "./bench/measure.ts";
import { benchProxy } from "./bench/proxy.ts";
import { benchText } from "./bench/text.ts";
import { main, root, run, UserError } from "./lib.ts";

const program = join(root, "target/release/streamgage");

/** Runs the program once and returns its responses. */
function query(dump: string, today: string, queries: string[]): string[] {
  const input = queries.map((query) => `${METRICS}?${query}\n`).join("");
  const { status, stdout, stderr } = spawnSync(program, ["query", dump, "--today", today, "-"], {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new UserError(stderr || `${program} could not be started`);
  return stdout.split("\n").slice(0, -1);
}

/** A typical script: parses every line and sums by week. It does not exclude any commits. */
async function sumByWeek(dump: string): Promise<number> {
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

/** Measures the command line, which loads a dump for every run. */
async function benchCli(): Promise<Figure[]> {
  await run("cargo", ["build", "--release", "--bin", "streamgage"]);
  heading("command line; milliseconds");
  const figures: Figure[] = [];
  for (const { name, dump, today, cases } of corpora()) {
    const queries = cases.map(({ query }) => query);
    const reference = () => {
      const loaded = loadDump(dump);
      for (const query of queries) bodyText(query, today, loaded);
    };
    const { ours, peer } = await measure({ ours: () => query(dump, today, queries), peer: reference }, 7);
    figures.push(figure(`${cases.length} cases of ${name}; JavaScript reference`, ours, peer));
  }
  const shared = corpora().find(({ name }) => name.startsWith("../shared"));
  if (shared) {
    const { today } = shared;
    const dump = await enlarged(shared.dump, 1_000_000, []);
    const request = ["start_date=2025-01-01&resolution=week"];
    const { ours, peer } = await measure({ ours: () => query(dump, today, request), peer: () => sumByWeek(dump) }, 3);
    figures.push(figure("one request over 1,000,000 commits; JSON.parse and sums in Node", ours, peer));
  }
  return figures;
}

const parts: Record<string, () => Promise<object[]>> = {
  cli: benchCli,
  lists: benchLists,
  d1: benchD1,
  async proxy() {
    await build(thisCheckout);
    return benchProxy([thisCheckout]);
  },
  columns: benchColumns,
  text: benchText,
};

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { json: { type: "string" }, against: { type: "string" }, repo: { type: "string" } },
    allowPositionals: true,
  });
  const figures: object[] = [];
  if (values.against !== undefined) figures.push(...(await benchAgainst(values.against, positionals)));
  else if (values.repo !== undefined) figures.push(...(await benchGit(values.repo)));
  else {
    const unknown = positionals.find((name) => !(name in parts));
    if (unknown) throw new UserError(`unknown part ${unknown}; the parts are ${Object.keys(parts).join(", ")}`);
    for (const [name, part] of Object.entries(parts))
      if (positionals.length === 0 || positionals.includes(name)) figures.push(...(await part()));
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  // workerd and HTTP clients keep connections open.
  process.exit(0);
});
