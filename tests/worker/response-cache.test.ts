// Cached responses of the store, which are valid until the next import; and keys that were accepted recently.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start, type Worker } from "./harness.ts";

const TAGS = "/v3/customer/core/tags/";
const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/?resolution=week&start_date=2026-08-03";

async function request(worker: Worker, path: string, init: Parameters<Worker["ask"]>[1] = {}) {
  const response = await worker.ask(path, init);
  const { status, headers } = response;
  const read = /^d1;desc="rows_read=(\d+)/.exec(headers.get("server-timing") ?? "")?.[1];
  return {
    status,
    body: await response.text(),
    tag: headers.get("etag") ?? "",
    isCached: headers.get("cache-status") === "streamgage; hit",
    read: read === undefined ? undefined : Number(read),
  };
}

/** Repeats a request until its response comes from the cache, which is filled after the first response. */
async function requestUntilCached(worker: Worker, path: string) {
  const first = await request(worker, path);
  for (const end = Date.now() + 5_000; Date.now() < end; await new Promise((next) => setTimeout(next, 20))) {
    const again = await request(worker, path);
    if (again.isCached) return { first, again };
  }
  return assert.fail(`${path}: the response is not cached`);
}

test("a response is cached until the next import", async (context) => {
  const worker = await start({ vars: { TODAY: "2026-09-01" } });
  context.after(() => worker.close());
  const tags = [...Array(50).keys()].map((id) => ({ id, name: `tag ${id}` }));
  await worker.load("tags", tags);
  await worker.load("commits", [{ id: 1, apex_user_id: 1, repo_id: 1, author_date: "2026-08-04T10:00:00", impact: 2 }]);

  for (const path of [
    `${TAGS}?limit=40&offset=5`,
    `${TAGS}7/`,
    "/v3/customer/core/commits.agg/",
    METRICS,
    "/dataset",
  ]) {
    const { first, again } = await requestUntilCached(worker, path);
    assert.equal(first.isCached, false, path);
    assert.deepEqual([first.status, first.body, first.tag], [again.status, again.body, again.tag], path);
    // The row of the generation. The key was accepted less than a minute ago.
    assert.equal(again.read, 1, path);
  }
  assert.ok(((await request(worker, `${TAGS}?limit=41`)).read ?? 0) > 40);

  const { again } = await requestUntilCached(worker, TAGS);
  const known = await request(worker, TAGS, { headers: { "if-none-match": again.tag } });
  assert.deepEqual([known.status, known.body, known.read], [304, "", 1]);
  const head = await request(worker, TAGS, { method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.isCached], [200, "", true]);

  // The cached response is sent to every key with the permission, and to no other.
  const as = (key: string) => request(worker, TAGS, { headers: { authorization: `Bearer ${key}` } });
  assert.deepEqual(await as(await worker.key("core")), again);
  assert.equal((await as(await worker.key("metrics import"))).status, 403);
  assert.equal((await as(await worker.key("core", null, 1))).status, 401);
  assert.equal((await as("nobody")).status, 401);

  // Errors are not cached.
  for (const path of [`${TAGS}?id=x`, `${TAGS}99/`]) {
    await request(worker, path);
    const { status, isCached, tag } = await request(worker, path);
    assert.ok(status >= 400);
    assert.deepEqual([isCached, tag], [false, ""]);
  }
  assert.equal((await request(worker, `${TAGS}99/`, { headers: { "if-none-match": "*" } })).status, 404);

  await worker.load("tags", [{ id: 0, name: "another" }]);
  const after = await request(worker, TAGS, { headers: { "if-none-match": again.tag } });
  assert.deepEqual([after.status, after.isCached], [200, false]);
  assert.notEqual(after.tag, again.tag);
  assert.equal(JSON.parse(after.body).results[0].name, "another");
  assert.equal((await requestUntilCached(worker, TAGS)).again.body, after.body);
});

test("results of cheap queries are cached in the isolate, and of expensive ones in the Cache API too", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  const USERS = "/v3/customer/core/users/";
  for (let from = 0; from < 10_000; from += 1_000)
    await worker.load(
      "users",
      [...Array(1_000).keys()].map((id) => ({ id: from + id, name: `user ${from + id}` })),
    );
  // A substring is searched in all names.
  const [cheap, expensive] = [`${USERS}?id=7`, `${USERS}?name__icontains=R+7777`];
  const { first } = await requestUntilCached(worker, expensive);
  assert.ok((first.read ?? 0) >= 10_000, `${first.read}`);
  assert.equal(JSON.parse(first.body).count, 1);
  await requestUntilCached(worker, cheap);
  // The isolate caches 128 bodies.
  for (let id = 0; id < 128; id++) await request(worker, `${USERS}${id}/`);
  const { body, isCached, read } = await request(worker, expensive);
  assert.deepEqual([body, isCached, read], [first.body, true, 1]);
  assert.equal((await request(worker, cheap)).isCached, false);
});

test("a long response is cached in the Cache API only, and displaces nothing in the isolate", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  await worker.load("tags", [{ id: 1, name: "a" }]);
  const TEAMS = "/v3/customer/core/teams/";
  for (let id = 1; id <= 10; id++) await worker.load("teams", [{ id, description: "x".repeat(900_000) }]);
  await requestUntilCached(worker, TAGS);
  const { first, again } = await requestUntilCached(worker, TEAMS);
  assert.ok((first.read ?? 0) < 100, `${first.read}`);
  assert.deepEqual([again.body.length > 9_000_000, again.body === first.body], [true, true]);
  assert.equal((await request(worker, TAGS)).isCached, true);
});

test("a recently accepted key is accepted for one minute, and sees each import at once", async (context) => {
  const worker = await start({ entry: "tests/worker/fixtures/failing-platform.js" });
  context.after(() => worker.close());
  await worker.load("tags", [{ id: 1, name: "a" }]);
  const key = await worker.key("core import");
  const headers = { authorization: `Bearer ${key}` };
  const names = async (limit: number) => {
    const { status, body, read } = await request(worker, `${TAGS}?limit=${limit}`, { headers });
    assert.equal(status, 200);
    // Only the rows of the response count.
    assert.ok((read ?? 0) < 5, `${read}`);
    return (JSON.parse(body) as { results: { name: string }[] }).results.map(({ name }) => name);
  };
  assert.deepEqual([await names(10), await names(11)], [["a"], ["a"]]);
  await worker.load("tags", [{ id: 1, name: "b" }]);
  assert.deepEqual([await names(12), await names(10)], [["b"], ["b"]]);
  const status = async (limit: number) => (await request(worker, `${TAGS}?limit=${limit}`, { headers })).status;
  const jump = (milliseconds: number) => worker.ask(`/jump/${milliseconds}`);
  const permit = (permissions: string) =>
    worker.sql("UPDATE api_key SET permissions = ? WHERE permissions = ?", permissions, "core import");
  await permit("metrics");
  await jump(61_000);
  assert.equal(await status(13), 403);
  await worker.sql("UPDATE api_key SET revoked_at = 1 WHERE permissions = ?", "metrics");
  await jump(122_000);
  for (const limit of [13, 14]) assert.equal(await status(limit), 401);
});
