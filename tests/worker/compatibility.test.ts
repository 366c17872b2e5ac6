// A D1 database and Durable Objects written by commit 79a5dd1, whose contents are in fixtures/79a5dd1, are read and
// migrated by this version. The responses are those of that commit, with the local date that a migration fills in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../scripts/lib.ts";
import { METRICS } from "../conformance.ts";
import { start } from "./harness.ts";
import { proxy, SECRET } from "./proxy.ts";

const folder = join(root, "tests/worker/fixtures/79a5dd1");
const read = (name: string) => readFileSync(join(folder, name), "utf8");

type Bodies = Record<string, string>;
type Partition = { now: number; bodies: Bodies };
const responses = JSON.parse(read("responses.json")) as { store: Bodies; partition: Partition; derived: Partition };

test("a database of commit 79a5dd1 is migrated and answers as before", async (context) => {
  const worker = await start({ vars: { TODAY: "2026-09-01" }, database: read("store.sql") });
  context.after(() => worker.close());
  const headers = { authorization: "Bearer fixture-key" };
  const origin = new URL(worker.url).origin;
  for (const [path, body] of Object.entries(responses.store)) {
    const response = await worker.ask(path, { headers });
    assert.equal(await response.text(), body.replaceAll("ORIGIN", origin), path);
    assert.equal(response.status, 200, path);
  }
  // The derived tables stay consistent with the rows.
  const tags = '{"id":3,"name":"new"}\n{"id":1,"_deleted":true}';
  const imported = await worker.ask("/import/tags", { method: "POST", headers, body: tags });
  assert.deepEqual(await imported.json(), { rows: 2, changed: 2 });
  const list = await (await worker.ask("/v3/customer/core/tags/?fields=id,name", { headers })).text();
  assert.equal(
    list,
    '{"count":2,"next":null,"previous":null,"results":[{"id":2,"name":"Grün"},{"id":3,"name":"new"}]}',
  );
});

for (const [name, vars] of [
  ["partition", {}],
  ["derived", { METRICS: "derive" }],
] as const) {
  test(`a Durable Object of commit 79a5dd1 (${name}) answers as before, without the upstream`, async (context) => {
    const { now, bodies } = responses[name];
    const entry = "tests/worker/fixtures/failing-platform.js";
    const { upstream, worker, ask, storage, evict } = await proxy(
      context,
      { ...SECRET, ...vars, TODAY: "2026-09-01" },
      {},
      { entry },
    );
    // The responses expired since they were stored, so the clock goes back.
    await worker.ask(`/jump/${now - Date.now()}`);
    const { exec } = await storage();
    await exec(
      "CREATE TABLE IF NOT EXISTS shelf (kind TEXT, key TEXT, text TEXT, read_on INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID",
    );
    await exec(
      "CREATE TABLE IF NOT EXISTS answer (name TEXT PRIMARY KEY, entry TEXT, body BLOB, until INTEGER, read_on INTEGER)",
    );
    for (const statement of read(`${name}.sql`).split(/;\n/).filter(Boolean)) await exec(statement);
    await evict();
    await upstream.refuse();
    const origin = new URL(worker.url).origin;
    for (const [path, expected] of Object.entries(bodies)) {
      const { status, body, cache } = await ask(path);
      assert.equal(body, expected.replaceAll("ORIGIN", origin), path);
      assert.equal(status, 200, path);
      const mark = name === "derived" && path.startsWith(METRICS) ? "; detail=derived" : "";
      assert.match(cache ?? "", new RegExp(`^streamgage; hit; ttl=\\d+${mark}$`), path);
    }
  });
}
