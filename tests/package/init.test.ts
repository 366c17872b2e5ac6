// `init` in every order, after failures, and the functions before it. Each case is a process of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { root } from "../conformance.ts";

const dist = pathToFileURL(join(root, "browser/dist/")).href;

const PRELUDE = `
  import { readFileSync } from "node:fs";
  import init, { createClient, metricsOf, Table, validateList, validateMetrics } from "${dist}inline.js";
  import initWithLists from "${dist}lists-inline.js";
  import initWith, { initSync } from "${dist}slim.js";
  const core = readFileSync(new URL("${dist}streamgage_bg.wasm"));
  const lists = readFileSync(new URL("${dist}streamgage-lists_bg.wasm"));
  const WEEKS = { start_date: "2026-06-01", resolution: "week" };
  const COMMIT = { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-01T09:30:00" };
  const reason = async (work) => { try { await work(); return "none" } catch (error) { return error.message } };
  const filled = (options) => { const table = new Table(options); table.add("commits", [COMMIT]); return table };
  const count = (table) => table.metrics(WEEKS, { today: "2026-09-01" }).value?.count;
  const listed = (table) => table.list("commits", "").value?.count ?? table.list("commits", "").error.kind;
`;

/** Runs code after the prelude. It prints JSON. */
function run(code: string): unknown {
  const print = "process.stdout.write(JSON.stringify(result));";
  const args = ["--input-type=module", "--eval", `${PRELUDE}${code}\n${print}`];
  const done = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
}

const FIRST = "The WebAssembly module is not started: call await init() first.";

test("every function asks for init", () => {
  const columns = "{ users: [0], days: [20605], haloc: [1], churn: [0], impact: [1] }";
  const result = run(`const result = [
    validateMetrics(WEEKS).error,
    validateList("commits", "").error,
    metricsOf(${columns}, WEEKS).error,
    (await createClient({ url: "http://127.0.0.1:1", key: "k" }).metrics(WEEKS)).error,
    { kind: "not-started", message: await reason(() => new Table()) },
  ];`);
  assert.deepEqual(result, Array(5).fill({ kind: "not-started", message: FIRST }));
});

test("a module with lists replaces one without, in any order, and tables of both keep working", () => {
  for (const [start, tables] of [
    ["await init(); table = filled(); await initWithLists();", [1, "no-lists", 1, 1]],
    ["await Promise.all([init(), initWithLists()]); table = filled();", [1, "no-lists", 1, 1]],
    ["await initWithLists(); table = filled(); await init();", [1, "no-lists", 1, 1]],
    ["await initWith(core); table = filled(); await initWith(lists);", [1, "no-lists", 1, 1]],
    ["initSync(lists); table = filled(); initSync(core); await initWith(core);", [1, "no-lists", 1, 1]],
    ["await init(); await init(); table = filled();", [1, "no-lists", 1, "no-lists"]],
  ] as const)
    assert.deepEqual(
      run(`let table; ${start}
        const later = filled({ lists: true });
        const result = [count(table), listed(table), count(later), listed(later)];`),
      tables,
      start,
    );
});

test("a failed init gives the reason, can be repeated, and leaves a started module in place", () => {
  const failures = `[
    await reason(() => initWith(new Uint8Array([1, 2, 3]))),
    await reason(() => initWith(new Response("<!doctype html>"))),
    await reason(() => initWith(new Response("", { status: 404 }))),
    await reason(() => initWith(Promise.reject(new Error("no connection")))),
    await reason(() => initWith(core.subarray(0, 8))),
    await reason(() => initWith(null)),
    await reason(() => initSync(new Uint8Array(8))),
  ]`;
  const expected = [
    "its bytes are no WebAssembly",
    "the server sent a page instead of it",
    "the response has the status 404",
    "no connection",
    "it is no module of this version of streamgage",
    "it must be bytes, a compiled module, a response or an address",
    "its bytes are no WebAssembly",
  ].map((reason) => `The WebAssembly module cannot be started: ${reason}.`);
  const result = run(`
    const before = ${failures};
    let attempts = 0;
    globalThis.fetch = async () => new Response(core, { status: (attempts += 1) === 1 ? 503 : 200 });
    const first = await reason(() => initWith("https://example.com/streamgage.wasm"));
    await initWith("https://example.com/streamgage.wasm");
    await initWith("https://example.com/streamgage.wasm");
    const after = ${failures};
    const result = [before, first, attempts, after, count(filled())];`);
  const unavailable = "The WebAssembly module cannot be started: the response has the status 503.";
  assert.deepEqual(result, [expected, unavailable, 2, expected, 1]);
});
