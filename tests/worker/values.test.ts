// Values with unusual spellings, and values outside the range of their field, through the Worker and D1.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../conformance.ts";
import { start } from "./harness.ts";

const lines = (name: string): string[] =>
  readFileSync(join(root, "tests/values", name), "utf8")
    .split("\n")
    .filter(Boolean);

test("values are shown in their canonical form, and values outside the range of a field are refused", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  const rows = lines("commits.ndjson");
  const { status, body } = await worker.load("commits", rows.join("\n"));
  assert.deepEqual({ status, body }, { status: 200, body: { rows: rows.length, changed: rows.length } });
  const shown = lines("shown.ndjson");
  const page = `{"count":${shown.length},"next":null,"previous":null,"results":[${shown.join(",")}]}`;
  assert.equal(await (await worker.ask("/v3/customer/core/commits/")).text(), page);
  const errors = lines("refused.txt");
  for (const [at, row] of lines("refused.ndjson").entries()) {
    const [field, error] = (errors[at] ?? "").split(": ", 2);
    assert.deepEqual(await worker.load("commits", row), { status: 400, body: { line: 1, field, error } });
  }
});
