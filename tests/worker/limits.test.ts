// Rate limits, and the number of rows that a request reads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { METRICS } from "../conformance.ts";
import { start } from "./harness.ts";

test("requests beyond a rate limit get a 429", async (context) => {
  const worker = await start({ limits: { READS: 5, IMPORTS: 7, FAILED_KEYS: 3 } });
  context.after(() => worker.close());
  const owner = await worker.key("core import");
  const other = await worker.key("core");
  const ask = (path: string, key: string, init = {}, host = "flow.example") => {
    const headers = { authorization: `Bearer ${key}`, "cf-connecting-ip": "192.0.2.1" };
    return worker.server.fetch(`http://${host}${path}`, { headers, ...init });
  };
  const statuses = async (times: number, asked: () => ReturnType<typeof ask>) => {
    const found = [];
    for (let time = 0; time < times; time++) found.push((await asked()).status);
    return found;
  };

  assert.deepEqual(await statuses(4, () => ask("/dataset", "nope")), [401, 401, 401, 429]);
  assert.deepEqual(await statuses(6, () => ask("/dataset", owner)), [200, 200, 200, 200, 200, 429]);
  const throttled = await ask("/dataset", owner);
  assert.equal(throttled.headers.get("retry-after"), "60");
  assert.deepEqual(await throttled.json(), { detail: "Request was throttled. Expected available in 60 seconds." });
  // Other keys, 403s and 404s are not counted, and imports have their own limit.
  assert.equal((await ask("/dataset", other)).status, 200);
  assert.equal((await ask(METRICS, owner)).status, 403);
  assert.equal((await ask("/v3/nope", owner)).status, 404);
  // 429 precedes 405.
  assert.equal((await ask("/dataset", owner, { method: "POST" })).status, 429);
  const load = () => ask("/import/tags", owner, { method: "POST", body: '{"id":1}' });
  assert.deepEqual(await statuses(8, load), [200, 200, 200, 200, 200, 200, 200, 429]);
  // On this machine only unknown keys are counted.
  assert.equal((await ask("/dataset", owner, {}, "localhost")).status, 200);
  assert.equal((await ask("/dataset", "nope", {}, "localhost")).status, 429);
});

test("a metrics request reads only the rollup, and a list reads its page and its counts", async (context) => {
  const worker = await start({ vars: { TODAY: "2026-09-01" } });
  context.after(() => worker.close());
  // 20 users, 50 days and five commits a day: 1,000 cells for 5,000 commits.
  const commits = [...Array(5_000).keys()].map((number) => {
    const cell = Math.floor(number / 5);
    const day = new Date(Date.UTC(2026, 4, 1 + Math.floor(cell / 20))).toISOString().slice(0, 10);
    return { id: number + 1, apex_user_id: 1 + (cell % 20), repo_id: 1, author_date: day, haloc: 1 };
  });
  while (commits.length > 0) assert.equal((await worker.load("commits", commits.splice(0, 1000))).status, 200);
  await worker.load("team_membership", [
    { id: 1, apex_user_id: 3, team_id: 1, membership_type: "contributor" },
    { id: 2, apex_user_id: 4, team_id: 1, membership_type: "contributor" },
  ]);
  const rowsRead = async (path: string) => {
    const response = await worker.ask(path);
    assert.equal(response.status, 200);
    const timing = /^d1;desc="rows_read=(\d+)";dur=[\d.]+$/.exec(response.headers.get("server-timing") ?? "");
    return Number(timing?.[1]);
  };
  const read = (query: string) => rowsRead(`${METRICS}?resolution=week&${query}`);
  // Each cell is read, joined with its user and repository, and sorted by week.
  const all = await read("start_date=2026-05-01");
  assert.ok(all >= 1_000 && all <= 4_200, `${all}`);
  const tenth = await read("start_date=2026-05-01&end_date=2026-05-05");
  assert.ok(tenth >= 100 && tenth <= all / 9, `${tenth}`);
  const user = await read("start_date=2026-05-01&apex_user_id=3");
  assert.ok(user >= 50 && user <= 220, `${user}`);
  const team = await read("start_date=2026-05-01&end_date=2026-05-10&team_id=1");
  assert.ok(team >= 20 && team <= 100, `${team}`);

  const list = (query: string) => rowsRead(`/v3/customer/core/commits/?${query}`);
  for (const [query, most] of [
    // The stored counts and the page.
    ["limit=100", 110],
    ["limit=100&ordering=-id&offset=400", 510],
    // Five blocks and part of another one.
    ["limit=100&offset=4000", 1_150],
    // A hundred commits of a day: counted, estimated, sorted and read.
    ["author_date__gte=2026-06-19", 650],
  ] as const) {
    const rows = await list(query);
    assert.ok(rows <= most, `${query}: ${rows}`);
  }
});
