// The conformance cases with `streamgage query`; bodies are compared as text.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { corpora, METRICS, parseExactly, root } from "../conformance.ts";

const program = join(root, "target/release/streamgage");

for (const { name, dump, today, cases } of corpora())
  test(`${name}: ${cases.length} cases`, () => {
    const input = cases.map(({ query }) => `${METRICS}?${query}\n`).join("");
    const run = spawnSync(program, ["query", dump, "--today", today, "-"], {
      input,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    assert.equal(run.stderr, "");
    assert.equal(run.status, 0);
    const lines = run.stdout.split("\n").slice(0, -1);
    assert.equal(lines.length, cases.length);
    for (const [at, { query, status, text }] of cases.entries())
      assert.equal(JSON.stringify(parseExactly(lines[at] ?? "")), `{"status":${status},"body":${text}}`, query);
  });
