// Behavior that depends on workerd: D1, streams, static assets. Unit tests of the decisions are in edge/.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { METRICS } from "../conformance.ts";
import { start, type Worker } from "./harness.ts";

const TEAMS = "/v3/customer/core/teams/";
const JSON_TYPE = "application/json";

let worker: Worker;
before(async () => {
  worker = await start({ vars: { TODAY: "2026-09-01", CORS_ORIGINS: "https://a.example,https://b.example" } });
});
after(() => worker.close());

const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const anonymous = { headers: { authorization: "" } };
const shown = async (response: Response) => `${response.status} ${await response.text()}`;

describe("the order of checks", () => {
  test("404 and 301 precede authorization", async () => {
    for (const path of ["/v3", "/v3/nope", "/v3/customer/core/nope/", "/v3/customer/core/teams/x/", "/import/nope"]) {
      const response = await worker.ask(path, anonymous);
      assert.equal(response.headers.get("content-type"), JSON_TYPE, path);
      assert.equal(await shown(response), '404 {"detail":"Not found."}', path);
    }
    const moved = await worker.ask("/v3/customer/core/teams?limit=2", anonymous);
    assert.equal(moved.status, 301);
    assert.equal(moved.headers.get("location"), "/v3/customer/core/teams/?limit=2");
  });

  test("401 for missing and invalid keys", async () => {
    const expired = await worker.key("metrics", Math.floor(Date.now() / 1000) - 1);
    const revoked = await worker.key("metrics", null, 1);
    for (const [authorization, detail] of [
      ["", "Authentication credentials were not provided."],
      ["Token x", "Authentication credentials were not provided."],
      ["Bearer", "Invalid token header. No credentials provided."],
      ["Bearer a b", "Invalid token header. Token string should not contain spaces."],
      ["Bearer nope", "Invalid token."],
      [`Bearer ${expired}`, "Invalid token."],
      [`Bearer ${revoked}`, "Invalid token."],
    ] as const) {
      const response = await worker.ask(METRICS, { headers: { authorization } });
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
      assert.equal(await shown(response), `401 ${JSON.stringify({ detail })}`);
    }
    const lasting = await worker.key("metrics", Math.floor(Date.now() / 1000) + 60);
    assert.equal((await worker.ask(METRICS, as(lasting))).status, 400);
  });

  test("403 precedes 405, which precedes 400", async () => {
    const core = await worker.key("core");
    const forbidden = '403 {"detail":"You do not have permission to perform this action."}';
    assert.equal(await shown(await worker.ask(METRICS, { method: "POST", ...as(core) })), forbidden);
    assert.equal(await shown(await worker.ask("/import/users", { method: "POST", ...as(core) })), forbidden);
    assert.equal((await worker.ask(TEAMS, as(core))).status, 200);
    const posted = await worker.ask(METRICS, { method: "POST", body: "{}" });
    assert.equal(posted.headers.get("allow"), "GET, HEAD, OPTIONS");
    assert.equal(await shown(posted), '405 {"detail":"Method \\"POST\\" not allowed."}');
    const bad = await worker.ask(`${METRICS}?start_date=x`);
    assert.equal(
      await shown(bad),
      '400 {"start_date":["Provide a valid date. Date cannot be more than 3 years prior to now."],"resolution":["This field is required."]}',
    );
  });

  test("HEAD and OPTIONS", async () => {
    const head = await worker.ask(TEAMS, { method: "HEAD" });
    assert.equal(head.headers.get("content-type"), JSON_TYPE);
    assert.equal(await shown(head), "200 ");
    assert.equal(await shown(await worker.ask("/v3/nope", { method: "HEAD" })), "404 ");
    const options = await worker.ask(TEAMS, { method: "OPTIONS" });
    assert.equal(options.headers.get("allow"), "GET, HEAD, OPTIONS");
    assert.equal(((await options.json()) as { name: string }).name, "teams List");
  });
});

test("CORS", async () => {
  const from = (origin: string, path: string, headers = {}, method = "GET") =>
    worker.ask(path, { method, headers: { origin, ...headers } });
  const preflight = await from(
    "https://b.example",
    METRICS,
    { authorization: "", "access-control-request-method": "GET" },
    "OPTIONS",
  );
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "https://b.example");
  assert.equal(
    preflight.headers.get("access-control-allow-headers"),
    "Authorization, Accept, Content-Type, If-None-Match, Cache-Control, X-Requested-With",
  );
  for (const path of [TEAMS, METRICS, "/v3/nope", "/dataset"]) {
    const allowed = await from("https://a.example", path);
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://a.example", path);
    assert.equal(
      allowed.headers.get("access-control-expose-headers"),
      "ETag, Link, Retry-After, Cache-Status, Server-Timing, X-Request-Id, Streamgage-Ignored",
      path,
    );
    const other = await from("https://c.example", path);
    assert.equal(other.headers.get("access-control-allow-origin"), null, path);
    for (const { headers } of [allowed, other]) assert.match(headers.get("vary") ?? "", /\bOrigin\b/, path);
  }
});

test("health check, dashboard and unknown paths", async () => {
  assert.equal(await shown(await worker.ask("/healthz", anonymous)), '200 {"status":"ok","today":"2026-09-01"}');
  const elsewhere = await worker.server.fetch("http://flow.example/healthz");
  const { today } = (await elsewhere.json()) as { today: string };
  assert.notEqual(today, "2026-09-01", "only this machine may say what day it is");
  const nowhere = await worker.ask("/nowhere", anonymous);
  assert.equal(nowhere.status, 404);
});

test("bodies beyond the size limit are rejected", async () => {
  // Sent in chunks, without Content-Length.
  const response = await fetch(new URL("/import/users", worker.url), {
    method: "POST",
    headers: { authorization: `Bearer ${await worker.key("import")}` },
    body: new Blob([" ".repeat(1_200_000)]).stream(),
    duplex: "half",
  } as RequestInit);
  assert.equal(
    await shown(response),
    '413 {"line":null,"field":null,"error":"a request holds at most 1000000 bytes; send fewer rows in each"}',
  );
  const exactly = `{"id":1,"name":"${"x".repeat(999_982)}"}`;
  assert.equal(exactly.length, 1_000_000);
  assert.deepEqual(await worker.load("users", exactly), { status: 200, body: { rows: 1, changed: 1 } });
  assert.deepEqual((await worker.load("users", `${exactly}\n`)).status, 413);
});

describe("imports", () => {
  const commit = (id: number, more = {}) => ({
    id,
    apex_user_id: 1,
    repo_id: 1,
    author_date: "2026-08-03T10:00:00",
    haloc: 10,
    impact: 1.5,
    ...more,
  });
  const week = async () => {
    const response = await worker.ask(`${METRICS}?start_date=2026-08-01&resolution=week`);
    return (await response.json()) as { count: number; results: { commit_count: number; total_impact: number }[] };
  };

  test("a body is imported completely or not at all", async () => {
    const rows = [commit(1), commit(2), commit(3, { impact: "much" })];
    assert.deepEqual(await worker.load("commits", rows), {
      status: 400,
      body: { line: 3, field: "impact", error: "must be a number" },
    });
    assert.equal((await week()).count, 0);
    // The database rejects the row. The statements before it are rolled back.
    await worker.sql("CREATE TRIGGER refuse BEFORE INSERT ON rollup BEGIN SELECT RAISE(ABORT, 'secret'); END");
    const failed = await worker.load("commits", [commit(1)]);
    await worker.sql("DROP TRIGGER refuse");
    assert.deepEqual(failed, { status: 500, body: { error: ["Unknown error occurred"] } });
    const { results } = await worker.sql("SELECT (SELECT COUNT(*) FROM commits) + (SELECT COUNT(*) FROM scratch) AS n");
    assert.deepEqual(results, [{ n: 0 }]);
  });

  test("edits, duplicates and deletions change the metrics", async () => {
    const rows = [commit(1, { ignore_hash: "a" }), commit(2, { ignore_hash: "a", impact: 8 }), commit(3)];
    assert.deepEqual(await worker.load("commits", rows), { status: 200, body: { rows: 3, changed: 3 } });
    assert.deepEqual(await worker.load("commits", rows), { status: 200, body: { rows: 3, changed: 0 } });
    const numbers = async () => (await week()).results.map((row) => [row.commit_count, row.total_impact]);
    assert.deepEqual(await numbers(), [[2, 3]]);
    await worker.load("commits", [{ id: 1, _deleted: true }]);
    assert.deepEqual(await numbers(), [[2, 9.5]]);
    await worker.load("commits", [commit(3, { is_merge: true })]);
    assert.deepEqual(await numbers(), [[1, 8]]);
    await worker.load("users", [{ id: 1, hidden_from_reports: true }]);
    assert.deepEqual(await numbers(), []);
    await worker.load("users", [{ id: 1, hidden_from_reports: false }]);
    await worker.load("repos", [{ id: 1, blocked: true }]);
    assert.deepEqual(await numbers(), []);
    await worker.load("repos", [{ id: 1, _deleted: true }]);
    assert.deepEqual(await numbers(), [[1, 8]]);
  });

  test("lists return imported rows unchanged", async () => {
    const rows = [
      { id: 7, name: "é \u2028 😀 ' \" \\ \u0000", org_id: null, other: { a: [1, "\u0001"] } },
      { id: 9_007_199_254_740_991, name: null, org_id: -1 },
    ];
    assert.equal((await worker.load("tags", rows)).status, 200);
    const response = await worker.ask("/v3/customer/core/tags/?limit=1");
    const next = new URL("/v3/customer/core/tags/?limit=1&offset=1", worker.url).href;
    assert.deepEqual(await response.json(), { count: 2, next, previous: null, results: [rows[0]] });
    assert.deepEqual(await (await worker.ask("/v3/customer/core/tags/9007199254740991/")).json(), rows[1]);
    assert.deepEqual(
      ((await (await worker.ask("/v3/customer/core/tags/?offset=99999999999999999999")).json()) as { results: [] })
        .results,
      [],
    );
  });

  test("the description of the data", async () => {
    assert.equal(await shown(await worker.ask("/dataset")), '200 {"name":null,"demo":false}');
    await worker.load("dump", '{"format":1,"demo":true,"name":"Acme"}');
    assert.equal(await shown(await worker.ask("/dataset")), '200 {"name":"Acme","demo":true}');
  });
});

test("a failure exposes no details and is logged without the key", async () => {
  await worker.sql("ALTER TABLE rollup RENAME TO elsewhere");
  worker.server.clearLogs();
  const response = await worker.ask(`${METRICS}?start_date=2026-08-01&resolution=week`);
  await worker.sql("ALTER TABLE elsewhere RENAME TO rollup");
  assert.equal(await shown(response), '500 {"error":["Unknown error occurred"]}');
  const logged = JSON.stringify(worker.server.getLogs());
  assert.match(logged, /no such table/);
  assert.doesNotMatch(logged, /Bearer|sg_|start_date/);
});
