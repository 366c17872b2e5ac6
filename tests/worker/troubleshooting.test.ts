// The tables of docs/troubleshooting.md: each symptom is produced, and has the headers and log lines of its row.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/lib.ts";
import { METRICS } from "../conformance.ts";
import { start, type Worker } from "./harness.ts";
import { proxy, SECRET, TEAMS } from "./proxy.ts";
import type { Fault } from "./upstream.ts";

const CORE = "/v3/customer/core";
const PLATFORM = { entry: "tests/worker/fixtures/failing-platform.js" };

/** Returns the first two cells of each row of the tables about symptoms. */
function rows(): [string, string][] {
  const text = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
  const tables = text.split("\n\n").filter((part) => part.startsWith("| symptom |"));
  const cells = tables.flatMap((table) => table.trim().split("\n").slice(2)).map((row) => row.split(" | "));
  return cells.map(([symptom = "", evidence = ""]) => [symptom.replace(/^\| /, ""), evidence]);
}

/** The code of a cell: a whole header, or a part of a log line or request. `N` is a number and `…` any text. */
function expectations(cell: string): { code: string; pattern: RegExp; isExpected: boolean }[] {
  return [...cell.matchAll(/(\w+ )?`([^`]+)`/g)].map(([, word = "", code = ""]) => {
    const source = code
      .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
      .replaceAll("…", ".*")
      .replace(/\bN\b/g, "\\d+");
    const pattern = new RegExp(/^[A-Z][\w-]+: /.test(code) ? `^${source}$` : source, "im");
    return { code, pattern, isExpected: !/^(no|without) $/.test(word) };
  });
}

type Asked = { path: string; key?: string; method?: string; body?: string; headers?: Record<string, string> };

/** Sends a request, and returns it with the response and the log lines, in lines. Requests to `host` are rate limited. */
async function observe(worker: Worker, asked: Asked, host?: string): Promise<string> {
  const { path, key, headers = {}, ...init } = asked;
  worker.server.clearLogs();
  const sent = { ...init, headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...headers } };
  const response = await (host ? worker.server.fetch(`http://${host}${path}`, sent) : worker.ask(path, sent));
  const body = await response.text();
  const logs = worker.server.getLogs().map(({ message }) => message);
  const fields = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path}`, `status ${response.status}`, ...fields, body, ...logs].join("\n");
}

/** Each symptom: the status, and a request that is repeated until it shows the symptom. */
type Scenario = { status: number; ask: (time: number) => Promise<string> };

test("each symptom of the troubleshooting page has the headers and log lines of its row", async (context) => {
  const limits = { READS: 3 };
  const { upstream, worker } = await proxy(context, SECRET, {}, { limits });
  const direct = await proxy(context, { TRY_LIMIT: "0.2", TIME_LIMIT: "0.5" });
  const owned = await proxy(context, { UPSTREAM_KEY: "owned" }, { keys: ["owned"] });
  const store = await start(PLATFORM);
  context.after(() => store.close());

  let number = 0;
  /** A proxied list, with a key of its own. It is asked once before the upstream misbehaves, or not. */
  const list = async (
    status: number,
    cacheControl: string | undefined,
    fault: Fault | undefined,
  ): Promise<Scenario> => {
    const key = `key-${(number += 1)}`;
    upstream.headers = cacheControl === undefined ? {} : { "Cache-Control": cacheControl };
    if (cacheControl !== undefined) await observe(worker, { path: TEAMS, key });
    upstream.fault = fault;
    return { status, ask: (time) => observe(worker, { path: cacheControl ? TEAMS : `${TEAMS}?offset=${time}`, key }) };
  };
  const failing = (status: number, fault: Fault) => list(status, undefined, fault);
  const metrics = (status: number): Scenario => {
    const key = `key-${(number += 1)}`;
    const path = `${METRICS}?start_date=2026-08-03&resolution=week`;
    upstream.gone = 404;
    return { status, ask: () => observe(worker, { path, key }) };
  };
  const stored = (status: number, ask: () => Asked): Scenario => ({ status, ask: () => observe(store, ask()) });

  const scenarios: Record<string, () => Promise<Scenario> | Scenario> = {
    "Figures are old, and the upstream fails": () => list(200, "max-age=0", { status: 500 }),
    "Figures are old, once": () => list(200, "max-age=0, stale-while-revalidate=600", { status: 500 }),
    "Figures are old, and the upstream has newer ones": () => list(200, "max-age=600", undefined),
    "Metrics differ from those of the upstream": () => metrics(200),
    "Nothing is cached": () => ({ status: 200, ask: () => observe(direct.worker, { path: TEAMS, key: "one" }) }),
    "An answer is never cached": () => list(200, "no-store", undefined),
    "An answer is fetched each time, although it is stored": () => list(200, "no-cache", undefined),
    "401 of the Worker": () => ({
      status: 401,
      ask: () => observe(owned.worker, { path: TEAMS, key: "unknown" }),
    }),
    "401 of the upstream": () => failing(401, { status: 401 }),
    "403 of the Worker": async () => {
      const key = await owned.worker.key("purge");
      return { status: 403, ask: () => observe(owned.worker, { path: TEAMS, key }) };
    },
    "403 of the upstream": () => failing(403, { status: 403 }),
    "429 of the Worker": () => ({
      status: 429,
      ask: (time) => observe(worker, { path: `${TEAMS}?offset=${time}`, key: "limited" }, "flow.example"),
    }),
    "429 of the upstream": () => failing(429, { status: 429 }),
    "500 of the Worker": async () => {
      await store.ask("/fail/by throwing");
      return stored(500, () => ({ path: TEAMS }));
    },
    "500 of the upstream": () => failing(500, { status: 500 }),
    "502, no JSON": () => failing(502, "html"),
    "502, key of the service": async () => {
      owned.upstream.keys?.clear();
      const key = await owned.worker.key("core");
      return { status: 502, ask: () => observe(owned.worker, { path: TEAMS, key }) };
    },
    "503 of the upstream": () => failing(503, { status: 503 }),
    "503, circuit breaker open": () => failing(503, { status: 503 }),
    "503, being prepared": () => {
      const body = JSON.stringify({ count: 1_000_000, results: Array(1_000).fill({ id: 1 }) });
      upstream.canned.set(`${CORE}/repos/`, { status: 200, body });
      return metrics(503);
    },
    "504, too slow": () => {
      direct.upstream.fault = "hang";
      return { status: 504, ask: () => observe(direct.worker, { path: TEAMS, key: "one" }) };
    },
    "An import stops; `streamgage push` ends with exit code 75": async () => {
      await store.ask("/fail/at the daily limit");
      return stored(503, () => ({ path: "/import/teams", method: "POST", body: '{"id":1}' }));
    },
    "A documented filter has no effect": () => stored(200, () => ({ path: `${CORE}/commits/?partition=1` })),
    "A misspelt filter has no effect": () => stored(200, () => ({ path: `${CORE}/commits/?partitoin=1` })),
    "Days or weeks are missing in metrics": async () => {
      const row = { id: 1, apex_user_id: 1, repo_id: 1, author_date: "2026-08-03T10:00:00", is_merge: true };
      assert.equal((await store.load("commits", [row])).status, 200);
      const path = `${CORE}/commits/?author_local_date__gte=2026-08-03`;
      const narrowed = `${path}&apply_default_filters=true&remove_excluded=true`;
      const weeks = `${METRICS}?start_date=2026-08-03&end_date=2026-08-09&resolution=week`;
      const counts = await Promise.all(
        [path, narrowed, weeks].map(
          async (path) => ((await (await store.ask(path)).json()) as { count: number }).count,
        ),
      );
      assert.deepEqual(counts, [1, 0, 0]);
      return stored(200, () => ({ path: narrowed }));
    },
    "The last day is missing in metrics": () => stored(200, () => ({ path: "/healthz" })),
  };
  /** These need long bodies, or a connection that workerd itself opens. */
  const untested = ["502, no connection", "502, too long", "503, too many long answers"];

  const documented = rows();
  assert.deepEqual(
    documented.map(([symptom]) => symptom).filter((symptom) => !untested.includes(symptom)),
    Object.keys(scenarios),
  );
  for (const [symptom, cell] of documented) {
    const scenario = scenarios[symptom];
    if (scenario === undefined) continue;
    await context.test(symptom, async () => {
      const expected = expectations(cell);
      assert.ok(expected.length > 0, cell);
      const { status, ask } = await scenario();
      const missing = (evidence: string) =>
        [{ code: `${status}`, pattern: new RegExp(`^status ${status}$`, "m"), isExpected: true }, ...expected].filter(
          ({ pattern, isExpected }) => pattern.test(evidence) !== isExpected,
        );
      let evidence = "";
      for (let time = 0; time < 15; time += 1) {
        evidence = await ask(time);
        if (missing(evidence).length === 0) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      upstream.fault = undefined;
      upstream.gone = undefined;
      upstream.headers = {};
      upstream.canned.clear();
      await store.ask("/fail/");
      assert.deepEqual(
        missing(evidence).map(({ code }) => code),
        [],
        evidence.slice(0, 3_000),
      );
    });
  }
});
