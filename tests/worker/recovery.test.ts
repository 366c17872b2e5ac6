// After a panic, which traps the module, the next request finds a new instance.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./harness.ts";
import { proxy, SECRET, TEAMS } from "./proxy.ts";

const entry = "tests/worker/fixtures/trapping.js";
const trap = { "x-trap": "1" };

test("store mode recovers from a trap", async (context) => {
  const worker = await start({ entry });
  context.after(() => worker.close());
  // A response of this length enters the Cache API in the background.
  await worker.load("teams", [{ id: 1, description: "x".repeat(200_000) }]);
  assert.equal((await worker.ask(TEAMS, { headers: trap })).status, 500);
  const response = await worker.ask(TEAMS);
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { count: number }).count, 1);
});

test("the proxy and its Durable Objects recover from a trap", async (context) => {
  const { upstream, ask, deleteFromEdgeCache } = await proxy(context, { ...SECRET, TIME_LIMIT: "2" }, {}, { entry });
  const first = await ask(TEAMS);
  assert.equal(first.status, 200);
  // The Durable Object's part of the module is lost too.
  assert.equal((await ask(`${TEAMS}?limit=3`, "one", { headers: trap })).status, 500);
  await deleteFromEdgeCache([TEAMS]);
  await upstream.refuse();
  const { status, body, cache } = await ask(TEAMS);
  assert.deepEqual([status, body], [200, first.body]);
  assert.match(cache ?? "", /^streamgage; hit; ttl=\d+$/, "the object's storage answers");
});
