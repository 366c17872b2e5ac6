// streamgage query, on every list case that the framework answered.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { root } from "../conformance.ts";

type Row = Record<string, unknown>;
/** Of a 200 how many rows there are, the ids of the first 20, and the first row where `fields` was asked. */
type Case = {
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

const program = join(root, "target/release/streamgage");
const file = join(root, "../shared/conformance/lists.json");
const BASE = "http://lists.test";

if (existsSync(file)) {
  const { dump, cases } = JSON.parse(readFileSync(file, "utf8")) as { dump: string; cases: Case[] };
  const run = spawnSync(program, ["query", join(dirname(file), "..", dump), "--base", BASE, "-"], {
    input: cases.map(({ request }) => `${request}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const answers = run.stdout.split("\n").slice(0, -1);

  test(`lists.json: ${cases.length} cases`, async (context) => {
    assert.equal(run.stderr, "");
    assert.equal(run.status, 0);
    assert.equal(answers.length, cases.length);
    for (const [at, expected] of cases.entries())
      await context.test(expected.request, () => compare(JSON.parse(answers[at] ?? ""), expected));
  });
}

function compare({ status, body }: { status: number; body: unknown }, expected: Case): void {
  assert.equal(status, expected.status, JSON.stringify(body));
  if (status !== 200) return assert.deepEqual(body, expected.body);
  const { count, next, previous, results } = body as Page;
  assert.equal(count, expected.count);
  assert.equal(withoutBase(next), expected.next);
  assert.equal(withoutBase(previous), expected.previous);
  assert.equal(results.length, expected.rows);
  const ids = results.slice(0, 20).map(({ id }) => id);
  if (expected.ids !== undefined) assert.deepEqual(ids, expected.ids);
  if (expected.first_row !== undefined) assert.deepEqual(results[0] ?? null, expected.first_row);
}

function withoutBase(link: string | null): string | null {
  assert.ok(link === null || link.startsWith(`${BASE}/`), `${link}`);
  return link?.slice(BASE.length) ?? null;
}
