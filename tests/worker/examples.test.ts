// The vendor's own example requests, through the Worker.
import assert from "node:assert/strict";
import { test } from "node:test";
import { examples, EXAMPLES_TODAY, withExampleDump } from "../documented-examples.ts";
import { loadDump, start } from "./harness.ts";

test("the vendor's examples return the rows that they describe", async (context) => {
  const worker = await start({ vars: { TODAY: EXAMPLES_TODAY } });
  context.after(() => worker.close());
  await withExampleDump((folder) => loadDump(worker, folder));
  for (const { request, check } of examples)
    await context.test(request, async () => {
      const response = await worker.ask(request);
      assert.equal(response.status, 200);
      check((await response.json()) as Parameters<typeof check>[0]);
    });
});
