// The proxy with a well-behaved upstream.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { METRICS } from "../conformance.ts";
import { proxy, SECRET, TEAMS } from "./proxy.ts";

test("a response is cached for the key of its request", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  const path = `${TEAMS}?limit=2`;
  const first = await ask(path);
  assert.equal(first.status, 200);
  assert.match(first.cache ?? "", /^streamgage; fwd=uri-miss; fwd-status=200; ttl=\d+; stored$/);
  const second = await ask(path);
  assert.match(second.cache ?? "", /^streamgage; hit; ttl=5\d$/);
  assert.equal(second.body, first.body);
  assert.equal(upstream.requests.length, 1);
  await ask(path, "two");
  assert.equal(upstream.requests.length, 2);
});

test("the upstream receives the key and the canonical request", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  const sent = { cookie: "a=1", accept: "text/html", "accept-language": "fr", "x-forwarded-host": "evil.example" };
  await ask(`${TEAMS}?limit=2&b=%7e&a=&a=2`, "one", { headers: sent });
  const [seen] = upstream.requests;
  assert.equal(`${seen?.path}?${seen?.query}`, `${TEAMS}?a=&a=2&b=~&limit=2`);
  assert.equal(seen?.headers.authorization, "Bearer one");
  assert.equal(seen?.headers.accept, "application/json");
  for (const name of ["cookie", "x-forwarded-host"]) assert.equal(seen?.headers[name], undefined, name);
  assert.notEqual(seen?.headers["accept-language"], "fr");
});

test("invalid requests do not reach the upstream", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  const refused = async (path: string, init = {}) => {
    const { status, body, cache } = await ask(path, "one", init);
    assert.equal(cache, "streamgage; detail=refused");
    return [status, JSON.parse(body || "null")] as const;
  };
  assert.deepEqual(await refused(`${METRICS}?start_date=2026-08-03&resolution=month`), [
    400,
    {
      resolution: ["Provide a valid choice. 'month' is not one of the available choices: ['period', 'week']"],
    },
  ]);
  const notFound = { detail: "Not found." };
  for (const path of [
    "/v3/customer/",
    "/v3/customer/core/",
    "/v3/customer/core/a%2f..%2f..%2fadmin/",
    "/v3/customer/core//",
    "/dataset",
  ])
    assert.deepEqual(await refused(path), [404, notFound], path);
  assert.equal((await refused(TEAMS, { headers: { authorization: "" } }))[0], 401);
  assert.equal((await refused(TEAMS, { method: "DELETE" }))[0], 405);
  assert.equal(upstream.requests.length, 0);
});

test("links point to the configured origin", async (context) => {
  const { upstream, worker, ask } = await proxy(context, { ...SECRET, PUBLIC_ORIGIN: "https://gage.example" });
  const first = await ask(`${TEAMS}?limit=1`);
  const { next } = JSON.parse(first.body) as { next: string };
  assert.equal(next, `https://gage.example${TEAMS}?limit=1&offset=1`);
  const hit = await worker.server.fetch(`http://evil.example${TEAMS}?limit=1`, {
    headers: { authorization: "Bearer one" },
  });
  assert.match(hit.headers.get("cache-status") ?? "", /hit/);
  assert.equal(await hit.text(), first.body);
  assert.equal(upstream.requests.length, 1);
});

test("links of the upstream lead to the proxy, whatever host they name", async (context) => {
  const { upstream, worker, ask } = await proxy(context, SECRET);
  for (const [next, expected] of [
    ["http://10.0.0.7:8000/v3/customer/core/teams/?limit=1&offset=1", "/v3/customer/core/teams/?limit=1&offset=1"],
    ["//elsewhere.example/v3/customer/core/teams/?offset=2", "/v3/customer/core/teams/?offset=2"],
    ["https://elsewhere.example/teams/?offset=3", null],
  ] as const) {
    upstream.canned.set(TEAMS, { status: 200, body: JSON.stringify({ count: 9, next, previous: next, results: [] }) });
    const query = `?search=${encodeURIComponent(next)}`;
    const { body } = await ask(`${TEAMS}${query}`);
    const link = expected === null ? null : new URL(expected, worker.url).href;
    assert.deepEqual(JSON.parse(body), { count: 9, next: link, previous: link, results: [] });
  }
});

test("If-None-Match with the current tag gets a 304", async (context) => {
  const { ask } = await proxy(context, SECRET);
  const first = await ask(TEAMS);
  const tag = first.headers.get("etag") ?? "";
  const headers = { "if-none-match": `"x", W/${tag}` };
  const confirmed = await ask(TEAMS, "one", { headers });
  assert.deepEqual([confirmed.status, confirmed.body, confirmed.headers.get("etag")], [304, "", tag]);
  assert.equal(first.headers.get("cache-control"), "private, no-cache");
  assert.equal(first.headers.get("vary"), "Authorization, Origin");
  assert.match(first.headers.get("age") ?? "", /^\d+$/);
});

test("without CACHE_SECRET nothing is cached, and Cache-Status says so", async (context) => {
  const { upstream, ask } = await proxy(context, {});
  for (const times of [1, 2]) {
    const { cache } = await ask(TEAMS);
    assert.match(cache ?? "", /^streamgage; fwd=bypass; fwd-status=200; ttl=\d+; detail=no-secret$/);
    assert.equal(upstream.requests.length, times);
  }
});

test("the cache of a key that the upstream rejects is purged", async (context) => {
  const vars = { ...SECRET, KEY_TTL: "1", STALE_KEY_TTL: "3" };
  const { upstream, ask } = await proxy(context, vars, { keys: ["one", "two"] });
  const week = `${METRICS}?start_date=2026-08-03&end_date=2026-08-30&resolution=week`;
  for (const path of [TEAMS, week]) assert.equal((await ask(path)).status, 200);
  upstream.keys?.delete("one");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const refused = await ask(week);
  assert.deepEqual([refused.status, refused.body], [401, '{"detail":"Invalid token."}']);
  // Not even if the upstream is unavailable.
  upstream.fault = { status: 503 };
  for (const path of [TEAMS, week]) assert.equal((await ask(path)).status, 503, path);
});

test("the upstream's directives about stale responses apply to responses assembled from weeks", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  const [week, period] = ["week", "period"].map(
    (resolution) => `${METRICS}?start_date=2026-08-03&end_date=2026-08-30&resolution=${resolution}`,
  ) as [string, string];
  upstream.headers = { "Cache-Control": "no-cache" };
  for (const path of [week, period]) {
    const first = await ask(path);
    // One more commit.
    const { body } = first;
    upstream.canned.set(METRICS, { status: 200, body: body.replace(/"commit_count":[\d.]+/, '"commit_count":99.5') });
    assert.equal((await ask(path)).body, upstream.canned.get(METRICS)?.body, path);
    upstream.fault = { status: 503 };
    assert.equal((await ask(path)).status, 503, path);
    upstream.fault = undefined;
    upstream.canned.clear();
  }
});

test("a successful revalidation authorizes the key again", async (context) => {
  const { upstream, ask } = await proxy(context, { ...SECRET, KEY_TTL: "5" });
  upstream.etag = true;
  const first = await ask(TEAMS);
  assert.match((await ask(TEAMS)).cache ?? "", /^streamgage; hit; ttl=\d+$/);
  await new Promise((resolve) => setTimeout(resolve, 5_100));
  const proved = await ask(TEAMS);
  assert.match(proved.cache ?? "", /^streamgage; fwd=stale; fwd-status=304; ttl=\d+; stored$/);
  assert.equal(proved.body, first.body);
  assert.match(upstream.requests.at(-1)?.headers["if-none-match"] ?? "", /^"[0-9a-f]{16}"$/);
  assert.match((await ask(TEAMS)).cache ?? "", /^streamgage; hit; ttl=\d+$/);
  assert.equal(upstream.requests.length, 2);
});

test("cache misses and unknown keys are rate limited", async (context) => {
  const limits = { READS: 3, FAILED_KEYS: 2 };
  const { upstream, worker } = await proxy(context, SECRET, { keys: ["one", "two"] }, { limits });
  // Requests to this machine are not limited.
  const ask = async (query: string, key = "one") => {
    const headers = { authorization: `Bearer ${key}`, "cf-connecting-ip": "192.0.2.1" };
    const response = await worker.server.fetch(`http://flow.example${TEAMS}?${query}`, { headers });
    return [response.status, response.headers.get("retry-after"), await response.json()] as const;
  };
  const throttled = [429, "60", { detail: "Request was throttled. Expected available in 60 seconds." }];
  /** Sends requests until one is rejected: after the limit, or after twice the limit if a new minute begins meanwhile. */
  const limited = async (limit: number, asked: (time: number) => ReturnType<typeof ask>) => {
    for (let time = 0; time <= 2 * limit; time += 1) {
      const answer = await asked(time);
      if (answer[0] !== 429) continue;
      assert.ok(time >= limit, `${time}`);
      return assert.deepEqual(answer, throttled);
    }
    assert.fail("never throttled");
  };
  await limited(3, (time) => ask(`a=${time}`));
  assert.equal((await ask("a=0"))[0], 200, "a hit costs nothing");
  assert.equal((await ask("b=0", "two"))[0], 200, "each key has a limit of its own");
  const before = upstream.requests.length;
  let refused = 0;
  await limited(2, async (time) => {
    const answer = await ask("", `no-${time}`);
    refused += Number(answer[0] === 401);
    return answer;
  });
  assert.equal(upstream.requests.length - before, refused, "a request beyond the limit does not reach the upstream");
  const purged = await worker.server.fetch("http://flow.example/cache/purge", {
    method: "POST",
    headers: { authorization: "Bearer no-purge", "cf-connecting-ip": "192.0.2.1" },
  });
  assert.equal(purged.status, 429);
});

test("a caller purges the cache of his key", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  for (const key of ["one", "two"]) await ask(TEAMS, key);
  const purged = await ask("/cache/purge", "one", { method: "POST" });
  assert.deepEqual([purged.status, purged.cache], [204, "streamgage; detail=purged"]);
  assert.match((await ask(TEAMS, "two")).cache ?? "", /hit/);
  assert.equal(upstream.requests.length, 2);
  assert.match((await ask(TEAMS, "one")).cache ?? "", /fwd=uri-miss/);
  assert.equal((await ask("/cache/purge", "one")).status, 405);
});

test("with UPSTREAM_KEY, callers use streamgage keys with scopes", async (context) => {
  const { upstream, worker, ask } = await proxy(context, { UPSTREAM_KEY: "owned" }, { keys: ["owned"] });
  const [all, team, purger] = [
    await worker.key("metrics core"),
    await worker.key("core metrics"),
    await worker.key("purge"),
  ];
  const scopes = (key: string, scopes: string) =>
    worker.sql("UPDATE api_key SET scopes = ? WHERE hash = ?", scopes, createHash("sha256").update(key).digest("hex"));
  await scopes(team, '{"teams":[1,2]}');
  assert.equal((await ask(TEAMS, all)).status, 200);
  assert.match((await ask(TEAMS, all)).cache ?? "", /hit/);
  assert.equal(upstream.requests.at(-1)?.headers.authorization, "Bearer owned");
  const scoped = JSON.parse((await ask(TEAMS, team)).body) as { results: { id: number }[] };
  assert.deepEqual(
    scoped.results.map(({ id }) => id),
    [1, 2],
  );
  assert.equal(upstream.requests.at(-1)?.query, "id__in=1,2");
  const before = upstream.requests.length;
  for (const path of [
    "/v3/customer/core/users/",
    "/v3/customer/core/commits/",
    `${TEAMS}?id=3`,
    `${TEAMS}?filters=(id%3D3)`,
  ])
    assert.equal((await ask(path, team)).status, 403, path);
  assert.equal((await ask(TEAMS, "nobody's")).status, 401);
  assert.equal((await ask(TEAMS, purger)).status, 403);
  for (const [key, status] of [
    [all, 403],
    [team, 403],
    [purger, 204],
  ] as const)
    assert.equal((await ask("/cache/purge", key, { method: "POST" })).status, status);
  assert.equal(upstream.requests.length, before);
  // Without the database, only recently accepted keys are accepted.
  await worker.sql("DROP TABLE api_key");
  assert.equal((await ask(TEAMS, all)).status, 200);
  const unknown = await ask(TEAMS, "somebody");
  assert.deepEqual([unknown.status, unknown.body], [500, '{"error":["Unknown error occurred"]}']);
});
