// Log lines, and the ids of requests in them and in responses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { METRICS } from "../conformance.ts";
import { start, type Worker } from "./harness.ts";
import { proxy, SECRET, TEAMS } from "./proxy.ts";

type Line = { level: string; event: string; request_id: string | null; error?: string };

/** Returns the lines since the last call. Each is one JSON object with the same keys. */
function lines({ server }: Worker): Line[] {
  const messages = server.getLogs().map(({ message }) => message);
  server.clearLogs();
  return messages.map((message) => {
    const line = JSON.parse(message) as Line;
    assert.match(line.level, /^(warn|error)$/, message);
    assert.match(line.event, /^[a-z]+(_[a-z]+)+$/, message);
    assert.match(line.request_id ?? "", /^([0-9a-f]{16}(-[A-Z]{3})?)?$/, message);
    return line;
  });
}

/** A key in a header and in a query, and a value that may be secret. */
const KEY = "a-secret-key";
const QUERY = `?limit=3&api_key=${KEY}&search=a-secret-name`;

for (const objects of [true, false])
  test(`a failure of the upstream is logged with the id of the request, ${objects ? "with" : "without"} Durable Objects`, async (context) => {
    const { upstream, worker, ask } = await proxy(context, SECRET, {}, { objects });
    upstream.headers = { "Cache-Control": "max-age=0" };
    assert.equal((await ask(`${TEAMS}${QUERY}`, KEY)).status, 200);
    assert.deepEqual(lines(worker), []);
    upstream.fault = { status: 500, body: `{"detail":"${KEY}"}` };
    const failed = { event: "upstream_failed", path: TEAMS, reason: "status", status: 500, tries: 1 };
    for (const [path, level, served_stale] of [
      [`${TEAMS}${QUERY}`, "warn", true],
      [`${TEAMS}${QUERY}&offset=1`, "error", false],
    ] as const) {
      const { headers } = await ask(path, KEY);
      const request_id = headers.get("x-request-id");
      assert.match(request_id ?? "", /^[0-9a-f]{16}$/);
      assert.deepEqual(lines(worker), [{ level, ...failed, served_stale, request_id }]);
    }
  });

test("no log line contains a key or a query", async (context) => {
  const vars = { ...SECRET, TRY_LIMIT: "1", TIME_LIMIT: "2.5" };
  const { upstream, worker, ask } = await proxy(context, vars);
  const week = `${METRICS}?start_date=2026-08-03&resolution=week&api_key=${KEY}`;
  for (const fault of ["reset", "html", "broken", { status: 401 }, { status: 403 }, { status: 429 }] as const) {
    upstream.fault = fault;
    for (const path of [`${TEAMS}${QUERY}`, week]) await ask(path, KEY);
  }
  upstream.fault = undefined;
  upstream.gone = 404;
  await ask(week, KEY);
  const logged = worker.server
    .getLogs()
    .map(({ message }) => message)
    .join("\n");
  assert.match(logged, /"event":"metrics_endpoint_missing"/);
  assert.match(logged, /"reason":"invalid_response"/);
  assert.doesNotMatch(logged, /secret|Bearer|\?|start_date/);
  lines(worker);
});

test("an open circuit is logged, and Cache-Status names no status of the upstream", async (context) => {
  const { upstream, worker, ask } = await proxy(context, SECRET);
  upstream.fault = { status: 503 };
  // The circuit opens after five failures. Each further failure doubles its pause, which begins with two seconds.
  for (let time = 0; time < 12; time += 1) {
    const before = upstream.requests.length;
    const { status, headers, cache } = await ask(`${TEAMS}?offset=${time}`);
    assert.equal(status, 503);
    const logged = lines(worker);
    if (upstream.requests.length > before) continue;
    assert.equal(cache, "streamgage; fwd=uri-miss");
    assert.ok(Number(headers.get("retry-after")) > 0);
    const facts = { path: TEAMS, reason: "circuit_open", tries: 0, served_stale: false };
    const request_id = headers.get("x-request-id");
    return assert.deepEqual(logged, [{ level: "error", event: "upstream_failed", ...facts, request_id }]);
  }
  assert.fail("the circuit never opened");
});

for (const objects of [true, false])
  test(`when the upstream refuses UPSTREAM_KEY, callers get a 502 and the log an error, ${objects ? "with" : "without"} Durable Objects`, async (context) => {
    const more = { objects, limits: { FAILED_KEYS: 2 } };
    const { upstream, worker } = await proxy(context, { UPSTREAM_KEY: "owned" }, { keys: ["owned"] }, more);
    const callers = [await worker.key("core metrics"), await worker.key("core metrics")];
    const ask = (path: string, key: string) =>
      worker.server.fetch(`http://flow.example${path}`, {
        headers: { authorization: `Bearer ${key}`, "cf-connecting-ip": "192.0.2.1" },
      });
    for (const key of callers) assert.equal((await ask(TEAMS, key)).status, 200);
    upstream.keys?.delete("owned");
    worker.server.clearLogs();
    // More often than unknown keys may fail.
    for (let time = 0; time < 4; time += 1)
      for (const key of callers)
        for (const path of [`${TEAMS}?offset=${time}`, `${METRICS}?start_date=2026-08-0${time + 1}&resolution=week`]) {
          const response = await ask(path, key);
          assert.deepEqual(
            [response.status, await response.text(), response.headers.get("www-authenticate")],
            [502, '{"detail":"The upstream refused the key of this service."}', null],
          );
          assert.equal(response.headers.get("cache-status"), "streamgage; fwd=uri-miss; fwd-status=401");
          const request_id = response.headers.get("x-request-id");
          const refused = { level: "error", event: "upstream_key_refused", path: path.split("?")[0], request_id };
          assert.deepEqual(lines(worker), [refused]);
        }
    // The answers that the key could read before are served no longer.
    assert.equal((await ask(TEAMS, callers[0] ?? "")).status, 502);
  });

test("every response has the id of its request", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  await worker.load("teams", [{ id: 1, name: "a" }]);
  const ids = new Set<string>();
  const paths = [TEAMS, `${TEAMS}1/`, "/healthz", "/v3/nope", "/dataset", `${METRICS}?resolution=week`];
  for (const path of paths)
    for (const method of ["GET", "HEAD", "OPTIONS", "POST"]) {
      const id = (await worker.ask(path, { method })).headers.get("x-request-id") ?? "";
      assert.match(id, /^[0-9a-f]{16}$/, `${method} ${path}`);
      ids.add(id);
    }
  assert.equal(ids.size, paths.length * 4);

  // Cloudflare sets this header. From others, only its form is accepted.
  const answered = async (ray: string) =>
    (await worker.ask(TEAMS, { headers: { "cf-ray": ray } })).headers.get("x-request-id") ?? "";
  assert.equal(await answered("230b030023ae2822-SJC"), "230b030023ae2822-SJC");
  for (const ray of ["an invented id", "230b030023ae2822-SJC, 230b030023ae2822-SJC", '","level":"info'])
    assert.match(await answered(ray), /^[0-9a-f]{16}$/);

  await worker.sql("ALTER TABLE teams RENAME TO elsewhere");
  worker.server.clearLogs();
  const failed = await worker.ask(`${TEAMS}?name=secret`, { headers: { "cf-ray": "230b030023ae2822-SJC" } });
  assert.deepEqual([failed.status, failed.headers.get("x-request-id")], [500, "230b030023ae2822-SJC"]);
  const [line, ...others] = lines(worker);
  assert.match(line?.error ?? "", /no such table/);
  assert.deepEqual(
    [{ ...line, error: "" }, others],
    [{ level: "error", event: "request_failed", path: TEAMS, error: "", request_id: "230b030023ae2822-SJC" }, []],
  );
});
