// What the store was asked before is answered without it, for as long as nothing is written.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start, type Worker } from "./harness.ts";

const TAGS = "/v3/customer/core/tags/";
const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/?resolution=week&start_date=2026-08-03";

async function asked(worker: Worker, path: string, init: Parameters<Worker["ask"]>[1] = {}) {
  const response = await worker.ask(path, init);
  const { status, headers } = response;
  const read = /^d1;desc="rows_read=(\d+)/.exec(headers.get("server-timing") ?? "")?.[1];
  return {
    status,
    body: await response.text(),
    tag: headers.get("etag") ?? "",
    isKept: headers.get("cache-status") === "streamgage; hit",
    read: read === undefined ? undefined : Number(read),
  };
}

/** Asks until the answer is one that is kept: that is done when the first caller has his. */
async function keep(worker: Worker, path: string) {
  const first = await asked(worker, path);
  for (const end = Date.now() + 5_000; Date.now() < end; await new Promise((next) => setTimeout(next, 20))) {
    const again = await asked(worker, path);
    if (again.isKept) return { first, again };
  }
  return assert.fail(`${path}: it is not kept`);
}

test("an answer is kept until the store is written", async (context) => {
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
    const { first, again } = await keep(worker, path);
    assert.equal(first.isKept, false, path);
    assert.deepEqual([first.status, first.body, first.tag], [again.status, again.body, again.tag], path);
    // The row of the key, and that of the generation.
    assert.equal(again.read, 2, path);
  }
  assert.ok(((await asked(worker, `${TAGS}?limit=41`)).read ?? 0) > 40);

  const { again } = await keep(worker, TAGS);
  const known = await asked(worker, TAGS, { headers: { "if-none-match": again.tag } });
  assert.deepEqual([known.status, known.body, known.read], [304, "", 2]);
  const head = await asked(worker, TAGS, { method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.isKept], [200, "", true]);

  // It is kept for whoever may ask, and for nobody else.
  const as = (key: string) => asked(worker, TAGS, { headers: { authorization: `Bearer ${key}` } });
  assert.deepEqual(await as(await worker.key("core")), again);
  assert.equal((await as(await worker.key("metrics import"))).status, 403);
  assert.equal((await as(await worker.key("core", null, 1))).status, 401);
  assert.equal((await as("nobody")).status, 401);

  // What is refused or not there is not kept.
  for (const path of [`${TAGS}?id=x`, `${TAGS}99/`]) {
    await asked(worker, path);
    const { status, isKept, tag } = await asked(worker, path);
    assert.ok(status >= 400);
    assert.deepEqual([isKept, tag], [false, ""]);
  }
  assert.equal((await asked(worker, `${TAGS}99/`, { headers: { "if-none-match": "*" } })).status, 404);

  await worker.load("tags", [{ id: 0, name: "another" }]);
  const after = await asked(worker, TAGS, { headers: { "if-none-match": again.tag } });
  assert.deepEqual([after.status, after.isKept], [200, false]);
  assert.notEqual(after.tag, again.tag);
  assert.equal(JSON.parse(after.body).results[0].name, "another");
  assert.equal((await keep(worker, TAGS)).again.body, after.body);
});

test("what is found soon is kept nearby alone, for a time; what is long looked for, further away too", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  const USERS = "/v3/customer/core/users/";
  for (let from = 0; from < 10_000; from += 1_000)
    await worker.load(
      "users",
      [...Array(1_000).keys()].map((id) => ({ id: from + id, name: `user ${from + id}` })),
    );
  // A part of a name is looked for in all of them.
  const [soon, long] = [`${USERS}?id=7`, `${USERS}?name__icontains=R+7777`];
  const { first } = await keep(worker, long);
  assert.ok((first.read ?? 0) >= 10_000, `${first.read}`);
  assert.equal(JSON.parse(first.body).count, 1);
  await keep(worker, soon);
  // An isolate has place for so many.
  for (let id = 0; id < 128; id++) await asked(worker, `${USERS}${id}/`);
  const { body, isKept, read } = await asked(worker, long);
  assert.deepEqual([body, isKept, read], [first.body, true, 2]);
  assert.equal((await asked(worker, soon)).isKept, false);
});

test("a long answer is kept further away alone, and nothing nearby is forgotten for it", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  await worker.load("tags", [{ id: 1, name: "a" }]);
  const TEAMS = "/v3/customer/core/teams/";
  for (let id = 1; id <= 10; id++) await worker.load("teams", [{ id, description: "x".repeat(900_000) }]);
  await keep(worker, TAGS);
  const { first, again } = await keep(worker, TEAMS);
  assert.ok((first.read ?? 0) < 100, `${first.read}`);
  assert.deepEqual([again.body.length > 9_000_000, again.body === first.body], [true, true]);
  assert.equal((await asked(worker, TAGS)).isKept, true);
});

test("what is expected of a key holds for nothing that has changed", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  await worker.load("tags", [{ id: 1, name: "a" }]);
  const key = await worker.key("core import");
  const headers = { authorization: `Bearer ${key}` };
  const names = async (limit: number) => {
    const { status, body, read } = await asked(worker, `${TAGS}?limit=${limit}`, { headers });
    assert.equal(status, 200);
    // The key's rows are not those of the answer, whether they are read with it or before.
    assert.ok((read ?? 0) < 5, `${read}`);
    return (JSON.parse(body) as { results: { name: string }[] }).results.map(({ name }) => name);
  };
  // Each question is a new one: the second is asked at once, and so are those whose expectations are wrong.
  assert.deepEqual([await names(10), await names(11)], [["a"], ["a"]]);
  await worker.load("tags", [{ id: 1, name: "b" }]);
  assert.deepEqual([await names(12), await names(10)], [["b"], ["b"]]);
  const permit = (permissions: string) =>
    worker.sql("UPDATE api_key SET permissions = ? WHERE permissions = ?", permissions, "core import");
  await permit("metrics");
  assert.equal((await asked(worker, `${TAGS}?limit=13`, { headers })).status, 403);
  await worker.sql("UPDATE api_key SET revoked_at = 1 WHERE permissions = ?", "metrics");
  for (const limit of [13, 14]) assert.equal((await asked(worker, `${TAGS}?limit=${limit}`, { headers })).status, 401);
});
