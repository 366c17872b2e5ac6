// The list cases, whose expected responses are Django REST Framework's, and their comparison.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./conformance.ts";

type Row = Record<string, unknown>;
/** The expected response. For a 200: row counts, the ids of the first 20 rows, and the first row of requests with `fields`. */
export type ListCase = {
  request: string;
  status: number;
  body?: unknown;
  count?: number;
  next?: string | null;
  previous?: string | null;
  rows?: number;
  ids?: number[];
  first_row?: Row | null;
};
type Page = { count: number; next: string | null; previous: string | null; results: Row[] };

/** Reads the cases and the path of their dump. Returns undefined if ../shared does not exist. */
export function listCases(): { dump: string; cases: ListCase[] } | undefined {
  const file = join(root, "../shared/conformance/lists.json");
  if (!existsSync(file)) return undefined;
  const { dump, cases } = JSON.parse(readFileSync(file, "utf8")) as { dump: string; cases: ListCase[] };
  return { dump: join(dirname(file), "..", dump), cases };
}

/** The current day of requests that depend on it. */
export const TODAY = "2026-09-01";

/** Runs `streamgage query` and returns one line of JSON per request. */
export function queryDump(dump: string, base: string, requests: string[]): string[] {
  const run = spawnSync(
    join(root, "target/release/streamgage"),
    ["query", dump, "--base", base, "--today", TODAY, "-"],
    {
      input: requests.map((request) => `${request}\n`).join(""),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  );
  assert.equal(run.stderr, "");
  assert.equal(run.status, 0);
  const lines = run.stdout.split("\n").slice(0, -1);
  assert.equal(lines.length, requests.length);
  return lines;
}

/** Compares a response with a case. `base` is the origin of absolute links. */
export function compareList(status: number, body: unknown, base: string, expected: ListCase): void {
  assert.equal(status, expected.status, JSON.stringify(body));
  if (status !== 200) return assert.deepEqual(body, expected.body);
  const { count, next, previous, results } = body as Page;
  const withoutBase = (link: string | null) => {
    assert.ok(link === null || link.startsWith(`${base}/`), `${link}`);
    return link?.slice(base.length) ?? null;
  };
  assert.equal(count, expected.count);
  assert.equal(withoutBase(next), expected.next);
  assert.equal(withoutBase(previous), expected.previous);
  assert.equal(results.length, expected.rows);
  const ids = results.slice(0, 20).map(({ id }) => id);
  if (expected.ids !== undefined) assert.deepEqual(ids, expected.ids);
  if (expected.first_row !== undefined) assert.deepEqual(results[0] ?? null, expected.first_row);
}
