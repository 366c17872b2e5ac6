// Long responses: one request to the upstream for all callers, and a limited number of bytes in memory.
import assert from "node:assert/strict";
import { get, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { proxy, SECRET, TEAMS } from "./proxy.ts";

const REPOS = "/v3/customer/core/repos/";
const MB = 1 << 20;
const CALLERS = 12;

const list = (length: number) =>
  JSON.stringify({ count: 1, next: null, previous: null, results: [{ id: 1, name: "x".repeat(length) }] });

for (const [name, headers] of [
  ["a stated length", {}],
  ["chunks", { "Transfer-Encoding": "chunked" }],
] as [string, Record<string, string>][])
  for (const megabytes of [2, 31])
    test(`${CALLERS} callers at once share a response of ${megabytes} MB with ${name}`, async (context) => {
      const { upstream, ask } = await proxy(context, SECRET);
      const body = list(megabytes * MB);
      upstream.canned.set(TEAMS, { status: 200, body, headers });
      upstream.fault = { delay: 300 };
      const answers = await Promise.all(Array.from({ length: CALLERS }, () => ask(TEAMS)));
      for (const answer of answers) {
        assert.equal(answer.status, 200, `${answer.body} ${answer.cache}`);
        assert.ok(answer.body === body);
      }
      assert.equal(upstream.requests.length, 1);
    });

test("a reader that takes nothing holds the memory of a long response, and no short one waits for it", async (context) => {
  const { upstream, worker, ask } = await proxy(context, SECRET);
  const body = list(31 * MB);
  upstream.canned.set(TEAMS, { status: 200, body });
  upstream.canned.set(REPOS, { status: 200, body: list(10) });
  const unread = (query: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const options = { headers: { authorization: "Bearer one" }, agent: false };
      get(new URL(`${TEAMS}?${query}`, worker.url), options, resolve).on("error", reject);
    });
  const reader = await unread("a=1");
  assert.equal(reader.statusCode, 200);
  const [long, short] = await Promise.all([ask(`${TEAMS}?a=3`), ask(REPOS)]);
  assert.equal(short.status, 200);
  const busy = '{"detail":"Too many long answers at once. Ask again."}';
  assert.deepEqual([long.status, long.body, long.headers.get("retry-after")], [503, busy, "2"]);
  reader.destroy();
  let after = await ask(`${TEAMS}?a=3`);
  for (const end = Date.now() + 30_000; after.status !== 200; after = await ask(`${TEAMS}?a=3`))
    assert.ok(Date.now() < end, after.body);
  assert.ok(after.body === body);
});
