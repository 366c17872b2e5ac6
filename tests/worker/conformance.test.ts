// Every conformance case through the Worker.
import assert from "node:assert/strict";
import { test } from "node:test";
import { corpora, METRICS } from "../conformance.ts";
import { loadDump, start } from "./harness.ts";

for (const { name, dump, today, cases } of corpora())
  test(`${name}: ${cases.length} cases`, async (context) => {
    const worker = await start({ vars: { TODAY: today } });
    context.after(() => worker.close());
    await loadDump(worker, dump);
    for (const { query, status, body } of cases) {
      const response = await worker.ask(`${METRICS}?${query}`);
      assert.equal(response.status, status, query);
      assert.deepEqual(await response.json(), body, query);
    }
  });
