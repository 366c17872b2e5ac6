// Compares the command line with the reference on random dumps and requests. Responses must be equal as text.
//
//   node tests/reference/compare.mjs [--seeds 100] [--first 1] [--queries 50]
//
// The environment variable STREAMGAGE may name another binary than target/release/streamgage.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { bodyText, loadDump } from "./metrics.mjs";
import { randomRows, TODAYS, writeDump } from "./random-dump.mjs";
import { randomQuery } from "./random-query.mjs";
import { Random } from "./random.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PATH = "/v3/customer/metrics/code_fundamentals/period_metrics/?";

/** @typedef {{ seed: number, today: string, query: string, lines: Record<string, string[]>, expected: string, actual: string }} Difference */

/** Returns a line for each query: the response, or the error of the process. @returns {string[]} */
function queryBinary(/** @type {string} */ dir, /** @type {string} */ today, /** @type {string[]} */ queries) {
  const binary = env.STREAMGAGE ?? join(root, "target/release/streamgage");
  const input = queries.map((query) => `${PATH}${query}\n`).join("");
  const run = spawnSync(binary, ["query", dir, "--today", today, "-"], { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (run.error) throw run.error;
  const lines = run.stdout.split("\n").slice(0, -1);
  return queries.map((_, at) => lines[at] ?? `exit ${run.status}: ${run.stderr.trim()}`);
}

/** @returns {string[]} */
function queryReference(/** @type {string} */ dir, /** @type {string} */ today, /** @type {string[]} */ queries) {
  const dump = loadDump(dir);
  return queries.map((query) => {
    const { status, body } = bodyText(query, today, dump);
    return `{"status":${status},"body":${body}}`;
  });
}

/**
 * Returns the first difference for a random dump, minimized, or null.
 * @param {number} seed @param {number} count the number of queries @returns {Difference | null}
 */
export function compareRandom(seed, count) {
  const dir = mkdtempSync(join(tmpdir(), "streamgage-compare-"));
  try {
    const random = new Random(seed);
    const today = random.pick(TODAYS);
    const rows = randomRows(random, today);
    const queries = Array.from({ length: count }, () => randomQuery(random, today));
    writeDump(join(dir, "dump"), rows, random);
    const actual = queryBinary(join(dir, "dump"), today, queries);
    const expected = queryReference(join(dir, "dump"), today, queries);
    const lines = readLines(join(dir, "dump"));
    const answers = queries.map((query, at) => ({ query, expected: expected[at] ?? "", actual: actual[at] ?? "" }));
    const first = answers.find((answer) => answer.actual !== answer.expected);
    return first ? minimize(join(dir, "small"), { seed, today, lines, ...first }) : null;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Returns the lines of each file of a dump, by its name. @param {string} dir */
function readLines(dir) {
  /** @type {Record<string, string[]>} */
  const lines = {};
  for (const name of readdirSync(dir).filter((name) => name.includes(".ndjson"))) {
    const bytes = readFileSync(join(dir, name));
    const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
    lines[name.replace(".gz", "")] = text.split("\n").filter((line) => line !== "");
  }
  return lines;
}

/** Removes parameters and rows while the responses still differ. @param {string} dir @param {Difference} difference */
function minimize(dir, difference) {
  let best = difference;
  const accept = (/** @type {Partial<Difference>} */ change) => {
    const { today, query, lines } = { ...best, ...change };
    writeDump(dir, /** @type {any} */ ({}));
    for (const [name, rows] of Object.entries(lines)) writeFileSync(join(dir, name), rows.join("\n"));
    const [actual = ""] = queryBinary(dir, today, [query]);
    const [expected = ""] = queryReference(dir, today, [query]);
    if (actual === expected) return false;
    best = { ...best, ...change, actual, expected };
    return true;
  };
  // If the rewritten dump gives no difference, the original form of its files matters, and nothing can be removed.
  if (!accept({})) return difference;
  for (let at = 0; at < best.query.split("&").length;) {
    const query = best.query.split("&").toSpliced(at, 1).join("&");
    if (!accept({ query })) at += 1;
  }
  for (const [name, all] of Object.entries(best.lines)) {
    let rows = all;
    for (let size = rows.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < rows.length;) {
        const fewer = rows.toSpliced(at, size);
        if (accept({ lines: { ...best.lines, [name]: fewer } })) rows = fewer;
        else at += size;
      }
    }
  }
  return best;
}

/** @param {Difference} difference */
export function describeDifference({ seed, today, query, lines, expected, actual }) {
  const files = Object.entries(lines).filter(([, rows]) => rows.length > 0);
  return [
    `seed ${seed}, today ${today}`,
    `query      ${query}`,
    `reference  ${expected}`,
    `binary     ${actual}`,
    ...files.map(([name, rows]) => [name, ...rows.slice(0, 12), ...(rows.length > 12 ? ["…"] : [])].join("\n  ")),
  ].join("\n");
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const option = /** @type {const} */ ({ type: "string" });
  const { values } = parseArgs({ options: { seeds: option, first: option, queries: option } });
  const [seeds = 100, first = 1, queries = 50] = [values.seeds, values.first, values.queries].map((text) =>
    text === undefined ? undefined : Number(text),
  );
  for (let seed = first; seed < first + seeds; seed += 1) {
    const difference = compareRandom(seed, queries);
    if (difference !== null) {
      console.log(describeDifference(difference));
      exit(1);
    }
  }
  console.log(`${seeds * queries} requests over ${seeds} random dumps: no difference`);
}
