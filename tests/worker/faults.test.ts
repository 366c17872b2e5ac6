// The proxy with a misbehaving upstream: within the time limit, the caller gets a fresh response, a stale response that is
// marked, or a documented error. Only good responses are cached.
import assert from "node:assert/strict";
import { test } from "node:test";
import { METRICS } from "../conformance.ts";
import { start } from "./harness.ts";
import { proxy, SECRET, TEAMS } from "./proxy.ts";
import type { Fault } from "./upstream.ts";

const QUICK = { ...SECRET, TRY_LIMIT: "1", TIME_LIMIT: "2.5" };
/** The time limit, and the tolerance for slow machines. */
const AT_MOST = 2_500 + 1_500;

/**
 * Each fault, the status without a cached response, and whether a stale response may be used: `true`, `false`, or either
 * if that depends on the limit that is reached first. In these tests a failed connection is reported to workerd as 500,
 * and the end of a truncated body is never reported.
 */
const FAULTS: [string, Fault | "refuse", number[], boolean | "either"][] = [
  ["refuses", "refuse", [500, 502], true],
  ["cuts the connection", "reset", [500, 502], true],
  ["hangs", "hang", [504], true],
  ["trickles", "trickle", [504], true],
  ["cuts the body", "cut", [502, 504], true],
  ["promises more than it sends", "long", [502, 504], true],
  ["sends more than it promises", "short", [502], true],
  ["500", { status: 500, body: '{"detail":"a stack trace"}' }, [500], true],
  ["503", { status: 503, body: "<h1>busy</h1>", headers: { "Content-Type": "text/html" } }, [503], true],
  [
    "redirects elsewhere",
    { status: 302, headers: { Location: "http://127.0.0.1:1/v3/customer/core/teams/" } },
    [502],
    true,
  ],
  ["408", { status: 408, body: '{"detail":"a stack trace"}' }, [503], true],
  ["425", { status: 425, body: '{"detail":"a stack trace"}' }, [503], true],
  ["breaks its JSON", "broken", [502], true],
  ["sends a page", "html", [502], true],
  ["sends a gigabyte", "gigabyte", [502, 504], true],
  ["sends 64 MB in 300 KB", "gzip", [502, 504], true],
];

const DETAILS: Record<number, RegExp> = {
  500: /^\{"error":\["Unknown error occurred"\]\}$/,
  502: /^\{"detail":"The upstream(| can't be reached|'s answer is too long|'s answer makes no sense)\."\}$/,
  503: /^\{"detail":"The upstream is not available\."\}$/,
  504: /^\{"detail":"The upstream did not answer in time\."\}$/,
};

test("faults of the upstream", async (context) => {
  const { upstream, ask } = await proxy(context, QUICK);
  let key = 0;
  for (const [name, fault, statuses, excused] of FAULTS)
    await context.test(name, async () => {
      // Each fault has its own key, because circuit breakers are separate for each key.
      const who = `key-${(key += 1)}`;
      const path = `${TEAMS}?limit=${key}`;
      // Cached responses are stale at once, so that each request reaches the upstream.
      upstream.headers = { "Cache-Control": "max-age=0, stale-while-revalidate=0" };
      upstream.fault = undefined;
      const good = await ask(path, who);
      assert.equal(good.status, 200);

      upstream.fault = fault === "refuse" ? undefined : fault;
      if (fault === "refuse") await upstream.refuse();
      const timed = async (path: string) => {
        const started = Date.now();
        const answer = await ask(path, who);
        const took = Date.now() - started;
        assert.ok(took < AT_MOST, `${took} ms`);
        return answer;
      };
      const stale = await timed(path);
      assert.ok(excused === "either" || excused === (stale.status === 200), `${stale.status} ${stale.cache}`);
      if (stale.status === 200) {
        assert.equal(stale.body, good.body);
        assert.match(stale.cache ?? "", /^streamgage; fwd=stale;.* ttl=-\d+; detail=stale-if-error$/);
      } else {
        assert.ok(statuses.includes(stale.status), `${stale.status}`);
        assert.match(stale.body, DETAILS[stale.status] as RegExp);
      }
      const nothing = await timed(`${path}&never=${key}`);
      assert.ok(statuses.includes(nothing.status), `${nothing.status}`);
      assert.match(nothing.body, DETAILS[nothing.status] as RegExp);
      assert.equal(nothing.headers.get("cache-control"), "private, no-store");
      assert.doesNotMatch(nothing.cache ?? "", /hit|stored/);

      // The fault is not cached.
      upstream.fault = undefined;
      if (fault === "refuse") await upstream.accept();
      const wait = Number(nothing.headers.get("retry-after") ?? 0);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait * 1_000));
      const after = await ask(`${path}&never=${key}`, who);
      assert.equal(after.status, 200);
      assert.equal(
        (JSON.parse(after.body) as { count: number }).count,
        (JSON.parse(good.body) as { count: number }).count,
      );
    });

  await context.test("Set-Cookie", async () => {
    upstream.fault = "cookie";
    for (const time of [1, 2]) {
      const { status, headers } = await ask(`${TEAMS}?limit=${40 + time}`);
      assert.deepEqual([status, headers.get("set-cookie")], [200, null]);
    }
  });
});

test("repeated failures are retried twice, then the circuit breaker opens", async (context) => {
  const { upstream, ask } = await proxy(context, QUICK);
  let left = 2;
  upstream.fault = () => (left-- > 0 ? { status: 503 } : undefined);
  const retried = await ask(TEAMS);
  assert.equal(retried.status, 200);
  assert.match(retried.headers.get("server-timing") ?? "", /tries=3/);
  assert.equal(upstream.requests.length, 3);

  upstream.fault = { status: 503 };
  assert.equal((await ask(`${TEAMS}?a=1`)).status, 503);
  assert.equal(upstream.requests.length, 6);
  await ask(`${TEAMS}?a=2`);
  const asked = upstream.requests.length;
  const resting = await ask(`${TEAMS}?a=3`);
  assert.equal(resting.status, 503);
  assert.ok(Number(resting.headers.get("retry-after")) > 0);
  assert.equal(upstream.requests.length, asked);

  // A 500 is not retried, and neither is a Retry-After beyond the time limit.
  const other = "another key";
  upstream.fault = { status: 500 };
  assert.equal((await ask(TEAMS, other.slice(0, 7))).status, 500);
  assert.equal(upstream.requests.length, asked + 1);
  upstream.fault = { status: 503, headers: { "Retry-After": "30" } };
  const late = await ask(`${TEAMS}?a=4`, other.slice(0, 7));
  assert.deepEqual([late.status, late.headers.get("retry-after")], [503, "30"]);
  assert.equal(upstream.requests.length, asked + 2);
});

test("a hundred concurrent misses make one request", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  upstream.fault = { delay: 300 };
  for (const path of [TEAMS, `${METRICS}?start_date=2026-08-03&end_date=2026-08-30&resolution=week`]) {
    const before = upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(path)));
    assert.equal(upstream.requests.length, before + 1, path);
    assert.ok(answers.every(({ status, body }) => status === 200 && body === answers[0]?.body));
    assert.ok(answers.some(({ cache }) => /; collapsed/.test(cache ?? "")));
  }
});

test("a stale response is available after the edge cache lost it", async (context) => {
  const { upstream, ask, deleteFromEdgeCache, evict } = await proxy(context, QUICK);
  const week = `${METRICS}?start_date=2026-08-03&end_date=2026-08-30&resolution=week`;
  const [list, metrics] = [await ask(TEAMS), await ask(week)];
  assert.deepEqual([list.status, metrics.status], [200, 200]);
  await deleteFromEdgeCache([TEAMS, `${METRICS}?end_date=2026-08-30&resolution=week&start_date=2026-08-03`]);
  await evict();
  await upstream.refuse();
  for (const [path, good] of [
    [TEAMS, list],
    [week, metrics],
  ] as const) {
    const { status, body, cache } = await ask(path);
    assert.deepEqual([status, body], [200, good.body], cache ?? "");
  }
});

const failing = (FAILS: string) =>
  [{ ...QUICK, FAILS }, { entry: "tests/worker/fixtures/failing-partition.js" }] as const;

for (const [fails, vars, more] of [
  ["since there is none", QUICK, { objects: false }],
  ["when it wakes", ...failing("when it wakes")],
  ["when it is asked", ...failing("when it is asked")],
] as const)
  test(`the proxy works without a Durable Object that fails ${fails}`, async (context) => {
    const { upstream, ask } = await proxy(context, vars, {}, more);
    const first = await ask(TEAMS);
    assert.match(first.cache ?? "", /^streamgage; fwd=uri-miss; fwd-status=200; ttl=\d+; stored$/);
    const second = await ask(TEAMS);
    assert.match(second.cache ?? "", /^streamgage; hit; ttl=\d+$/);
    assert.equal(second.body, first.body);
    upstream.headers = { "Cache-Control": "max-age=0, stale-while-revalidate=0" };
    const kept = await ask(`${TEAMS}?limit=1`);
    await upstream.refuse();
    const stale = await ask(`${TEAMS}?limit=1`);
    assert.deepEqual([stale.status, stale.body], [200, kept.body]);
    assert.match(stale.cache ?? "", /detail=stale-if-error$/);
  });

test("a hanging Durable Object delays nobody beyond the time limit", async (context) => {
  const [vars, more] = failing("by hanging");
  const { ask } = await proxy(context, vars, {}, more);
  const started = Date.now();
  const { status, body } = await ask(TEAMS);
  assert.ok(Date.now() - started < AT_MOST, `${Date.now() - started} ms`);
  assert.equal(status, 504);
  assert.match(body, DETAILS[504] as RegExp);
});

test("a body too long for the Durable Object is sent to all callers and kept in the edge cache", async (context) => {
  const { upstream, ask, storage } = await proxy(context, SECRET);
  const body = JSON.stringify({ count: 1, next: null, previous: null, results: ["x".repeat(2_000_000)] });
  upstream.canned.set(TEAMS, { status: 200, body });
  for (const answer of await Promise.all(Array.from({ length: 2 }, () => ask(TEAMS))))
    assert.ok(answer.status === 200 && answer.body === body, answer.cache ?? "");
  // The edge cache is filled after the response.
  for (const end = Date.now() + 30_000; !/^streamgage; hit;/.test((await ask(TEAMS)).cache ?? "");) {
    assert.ok(Date.now() < end, "it is not kept");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await (await storage()).exec("SELECT name FROM answer"), []);
});

test("rows that are not read for 30 days are deleted from the Durable Object", async (context) => {
  const { upstream, ask, storage } = await proxy(context, SECRET);
  await ask(TEAMS);
  await ask(`${METRICS}?start_date=2026-08-03&end_date=2026-08-09&resolution=week`);
  const { exec } = await storage();
  const kept = async () => [
    ...(await exec("SELECT 'answer' AS kind, count(*) AS number FROM answer")),
    ...(await exec("SELECT kind, count(*) AS number FROM shelf GROUP BY kind")),
  ];
  const before = [
    { kind: "answer", number: 1 },
    { kind: "record", number: 1 },
    { kind: "row", number: 1 },
  ];
  assert.deepEqual(await kept(), before);
  await exec("UPDATE answer SET read_on = read_on - 31");
  await exec("UPDATE shelf SET read_on = read_on - 31 WHERE kind = 'row'");
  // Writing more than 16 MB triggers an eviction.
  upstream.canned.set(TEAMS, { status: 200, body: JSON.stringify(["x".repeat(1_800_000)]) });
  for (let page = 1; page <= 10; page += 1) assert.equal((await ask(`${TEAMS}?page=${page}`)).status, 200);
  assert.deepEqual(await kept(), [
    { kind: "answer", number: 10 },
    { kind: "record", number: 1 },
  ]);
});

const PLATFORM = { entry: "tests/worker/fixtures/failing-platform.js" };

for (const fails of ["by throwing", "by hanging"])
  test(`with a database that fails ${fails}, only recently accepted keys are accepted`, async (context) => {
    const vars = { TRY_LIMIT: "1", TIME_LIMIT: "2.5", UPSTREAM_KEY: "owned" };
    const { upstream, worker, ask } = await proxy(context, vars, { keys: ["owned"] }, PLATFORM);
    const [known, other] = [await worker.key("core"), await worker.key("core")];
    const good = await ask(TEAMS, known);
    assert.equal(good.status, 200);
    await ask(`/fail/${fails}`);
    // A recently accepted key is accepted for one minute, with or without a cached response.
    assert.deepEqual([(await ask(TEAMS, known)).body, (await ask(`${TEAMS}?limit=1`, known)).status], [good.body, 200]);
    const asked = upstream.requests.length;
    for (const key of [other, "unknown"]) {
      const started = Date.now();
      const { status, body, headers } = await ask(TEAMS, key);
      assert.ok(Date.now() - started < AT_MOST, `${Date.now() - started} ms`);
      assert.deepEqual([status, headers.get("cache-control")], [500, "private, no-store"]);
      assert.match(body, DETAILS[500] as RegExp);
    }
    assert.equal(upstream.requests.length, asked);
    await ask("/fail/");
    assert.equal((await ask(TEAMS, other)).body, good.body);
    assert.equal((await ask(TEAMS, "unknown")).status, 401);
  });

test("a failing database is an error in store mode that is not cached", async (context) => {
  const worker = await start(PLATFORM);
  context.after(() => worker.close());
  assert.equal((await worker.load("teams", [{ id: 1, name: "a" }])).status, 200);
  const paths = [TEAMS, `${TEAMS}1/`, `${METRICS}?start_date=2026-08-03&resolution=week`, "/dataset"];
  await worker.ask("/fail/by throwing");
  for (const path of paths) {
    const response = await worker.ask(path);
    assert.deepEqual([response.status, response.headers.get("cache-control")], [500, "private, no-store"], path);
    assert.match(await response.text(), DETAILS[500] as RegExp);
  }
  assert.equal((await worker.ask("/import/teams", { method: "POST", body: '{"id":2}' })).status, 500);
  await worker.ask("/fail/");
  for (const path of paths) assert.equal((await worker.ask(path)).status, 200, path);
  assert.equal(((await (await worker.ask(TEAMS)).json()) as { count: number }).count, 1);
});

test("the daily limit of D1 is a 503 until midnight UTC", async (context) => {
  const worker = await start(PLATFORM);
  context.after(() => worker.close());
  assert.equal((await worker.load("teams", [{ id: 1, name: "a" }])).status, 200);
  await worker.ask("/fail/at the daily limit");
  const before = Date.now();
  const response = await worker.ask("/import/teams", { method: "POST", body: '{"id":2}' });
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { detail: "The daily limit of D1's free plan is reached." });
  const end = Math.floor(before / 1000) + Number(response.headers.get("retry-after"));
  assert.ok(end % 86_400 <= 60, `${end}`);
});

test("a clock that jumps does not extend the access of a key", async (context) => {
  const { upstream, ask } = await proxy(context, QUICK, {}, PLATFORM);
  const [HOUR, DAY] = [3_600_000, 86_400_000];
  const good = await ask(TEAMS);
  assert.equal(good.status, 200);
  await upstream.refuse();
  // The key was accepted within the last day. An acceptance in the future does not count.
  for (const [offset, status] of [
    [0, 200],
    [2 * HOUR, 200],
    [2 * DAY, 502],
    [-2 * DAY, 502],
    [HOUR, 200],
  ]) {
    await ask(`/jump/${offset}`);
    // The circuit breaker ignores failures in the past or the far future.
    const { status: found, body, cache } = await ask(TEAMS);
    if (status === 200) {
      assert.deepEqual([found, body], [200, good.body], `${offset}: ${cache}`);
      assert.ok(offset === 0 || /detail=stale/.test(cache ?? ""), cache ?? "");
    } else {
      assert.ok(found >= 500, `${offset}: ${found} ${cache}`);
      assert.match(body, DETAILS[found] as RegExp);
    }
  }
  // With the upstream available, a response arrives within seconds at any time of the clock.
  await upstream.accept();
  for (const offset of [2 * DAY, -2 * DAY, 0]) {
    await ask(`/jump/${offset}`);
    let answer = await ask(TEAMS);
    for (const end = Date.now() + 30_000; answer.status !== 200; answer = await ask(TEAMS)) {
      assert.ok(Date.now() < end, `${offset}: ${answer.status} ${answer.cache}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.equal(answer.body, good.body);
  }
});

test("responses of an upstream with a wrong clock are revalidated and never mixed up", async (context) => {
  const { upstream, ask } = await proxy(context, QUICK);
  const at = (year: number) => new Date(Date.UTC(year, 0, 1)).toUTCString();
  let limit = 0;
  for (const headers of [
    { Date: at(2099), "Cache-Control": "max-age=60" },
    { Date: at(1999), "Cache-Control": "max-age=60" },
    { Date: at(2099), Expires: at(2098) },
    { Date: at(1999), Expires: at(1998) },
    { Date: at(1999), Expires: at(2099) },
    { Age: "4000000000", "Cache-Control": "max-age=60" },
    { Age: "-1", Date: "yesterday", Expires: "0" },
    { Date: at(2099), "Last-Modified": at(2100) },
  ] as Record<string, string>[]) {
    const path = `${TEAMS}?limit=${(limit += 1)}`;
    const description = JSON.stringify(headers);
    upstream.headers = headers;
    const first = await ask(path);
    assert.equal(first.status, 200, description);
    const second = await ask(path);
    assert.deepEqual([second.status, second.body], [200, first.body], description);
    upstream.headers = {};
    await upstream.refuse();
    // A response that was old on arrival is not kept for use in errors.
    const { status, body, cache } = await ask(path);
    if (status === 200) assert.equal(body, first.body, description);
    else assert.match(body, DETAILS[status] as RegExp, `${description} ${cache}`);
    assert.ok(status === 200 || Date.parse(headers["Date"] ?? "") < 1e12 || headers["Age"], `${description} ${cache}`);
    await upstream.accept();
  }
  // A Retry-After in the far future is not waited for.
  upstream.fault = { status: 503, headers: { "Retry-After": at(2099) } };
  const never = `${TEAMS}?limit=50`;
  assert.equal((await ask(never)).status, 503);
  upstream.fault = undefined;
  let answer = await ask(never);
  for (const end = Date.now() + 40_000; answer.status !== 200; answer = await ask(never)) {
    assert.ok(Date.now() < end, `${answer.status} ${answer.headers.get("retry-after")}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});
