// Metrics through the proxy when the upstream's metrics endpoint is gone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { corpora, METRICS, parseExactly, type Case } from "../conformance.ts";
import { loadDump, start, type Worker } from "./harness.ts";
import { startUpstream } from "./upstream.ts";

const SECRET = { CACHE_SECRET: "a secret of the tests" };

/** Repeats a request until it succeeds. Work beyond the budget of one request takes several. */
async function ask(worker: Worker, key: string, query: string) {
  for (;;) {
    const path = new URL(`${METRICS}?${query}`, worker.url);
    const response = await fetch(path, { headers: { authorization: `Bearer ${key}` } });
    const body = await response.text();
    if (response.status !== 503 || response.headers.get("retry-after") === null)
      return { status: response.status, body, cache: response.headers.get("cache-status") };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function holds(worker: Worker, key: string, cases: Case[]): Promise<void> {
  for (const { query, status, text } of cases) {
    const answer = await ask(worker, key, query);
    assert.equal(answer.status, status, `${query}: ${answer.body}`);
    assert.equal(JSON.stringify(parseExactly(answer.body)), text, query);
  }
}

for (const { name, dump, today, cases } of corpora().filter(({ dump }) => dump.endsWith("sample"))) {
  test(`${name} derived from commits.agg of streamgage: ${cases.length} cases`, async (context) => {
    const store = await start({ vars: { TODAY: today } });
    context.after(() => store.close());
    await loadDump(store, dump);
    const UPSTREAM = store.url.origin;
    const proxy = await start({ vars: { ...SECRET, UPSTREAM, METRICS: "derive", TODAY: today } });
    context.after(() => proxy.close());
    await holds(proxy, await store.key("core"), cases);
  });

  test(`${name} derived from the commits of an upstream without commits.agg: ${cases.length} cases`, async (context) => {
    const upstream = await startUpstream({ dump, today });
    context.after(() => upstream.close());
    const proxy = await start({ vars: { ...SECRET, UPSTREAM: upstream.url, TODAY: today } });
    context.after(() => proxy.close());
    upstream.gone = 410;
    await holds(proxy, "one", cases);
    const paths = upstream.requests.map(({ path }) => path);
    const times = (path: string) => paths.filter((asked) => asked === path).length;
    // The proxy asks twice, and remembers that the endpoint is gone.
    assert.equal(times(METRICS), 2);
    assert.equal(times("/v3/customer/core/commits.agg/"), 1);
    context.diagnostic(`${paths.length} requests to the upstream`);
  });
}

test("without derivation the upstream's 404 is passed on", async (context) => {
  const upstream = await startUpstream({ today: "2026-09-01" });
  context.after(() => upstream.close());
  upstream.gone = 404;
  const vars = { ...SECRET, UPSTREAM: upstream.url, METRICS: "upstream", TODAY: "2026-09-01" };
  const proxy = await start({ vars });
  context.after(() => proxy.close());
  for (const resolution of ["week", "period"]) {
    const answer = await ask(proxy, "one", `start_date=2026-08-01&resolution=${resolution}`);
    assert.deepEqual([answer.status, answer.body], [404, '{"detail":"Not found."}']);
  }
  assert.ok(upstream.requests.every(({ path }) => path === METRICS));
});

test("work beyond the budget of a request continues in the background", async (context) => {
  const upstream = await startUpstream({ today: "2026-09-01" });
  context.after(() => upstream.close());
  upstream.gone = 404;
  // 45,000 commits over 90 days, fetched page by page.
  const day = (number: number) => new Date(Date.UTC(2026, 3, 1 + number)).toISOString().slice(0, 10);
  const rows = Array.from({ length: 45_000 }, (_, id) => {
    const author_local_date = `${day(Math.floor(id / 500))}T12:00:00`;
    return { id, apex_user_id: 1, repo_id: 1, author_local_date, haloc: 1, impact: 1 };
  });
  upstream.lists.set("commits", rows);
  const proxy = await start({ vars: { ...SECRET, UPSTREAM: upstream.url, TODAY: "2026-09-01" } });
  context.after(() => proxy.close());
  const query = "start_date=2026-04-01&resolution=period";
  const path = new URL(`${METRICS}?${query}`, proxy.url);
  const first = await fetch(path, { headers: { authorization: "Bearer one" } });
  assert.equal(first.status, 503);
  assert.ok(Number(first.headers.get("retry-after")) > 0);
  assert.deepEqual(await first.json(), { detail: "The answer is being prepared. Ask again." });
  // Pages are fetched although nobody sends a request.
  const asked = upstream.requests.length;
  const deadline = Date.now() + 20_000;
  while (upstream.requests.length === asked && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(upstream.requests.length > asked);
  const { status, body } = await ask(proxy, "one", query);
  assert.equal(status, 200, body);
  assert.match(body, /"commit_count":500.0/);
});
