// Malformed requests: the Worker responds with 200 or 400 and the same body as `streamgage query`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { malformedRequests, isExpectedStatus, writeDump } from "../malformed-requests.ts";
import { TODAY, queryDump } from "../list-cases.ts";
import { loadDump, start } from "./harness.ts";

test("malformed requests get the response of streamgage query", async (context) => {
  const worker = await start({ vars: { TODAY } });
  const dump = writeDump();
  context.after(async () => {
    dump.remove();
    await worker.close();
  });
  await loadDump(worker, dump.path);
  const expected = queryDump(dump.path, String(worker.url).replace(/\/$/, ""), malformedRequests);
  for (const [at, request] of malformedRequests.entries()) {
    const response = await worker.ask(request);
    const text = await response.text();
    const shown = `${request.slice(0, 200)}: ${text.slice(0, 200)}`;
    assert.ok(isExpectedStatus(request, response.status), shown);
    assert.deepEqual({ status: response.status, body: JSON.parse(text) }, JSON.parse(expected[at] ?? ""), shown);
  }
});
