// Commits in typed arrays, by several threads: the answers of one. Threads that end, or can't start, are told of.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import init, { metricsColumnsOf, metricsOf, type CommitColumns, type Range } from "../../browser/dist/lists-node.js";
import { threads, type Threads } from "../../browser/dist/threads.js";
import { connect } from "../../browser/dist/worker.js";
import { initSync } from "../../browser/dist/wasm.js";
import { Random } from "../reference/random.mjs";

const asked = { today: "2026-01-01" } as const;
const WEEKS: Range = { start_date: "2024-01-01", end_date: "2025-12-28", resolution: "week" };
/** 2024-01-01 */
const FIRST = 19_723;
/** So many that threads share them. */
const MANY = 600_000;
const script = new URL("../../browser/dist/thread-node.js", import.meta.url);

const start = (count: number) => Array.from({ length: count }, () => new Worker(script));

function shared(
  numbers: ArrayLike<number>,
  Kind: Uint16ArrayConstructor | Uint32ArrayConstructor | Float64ArrayConstructor,
) {
  const there = new Kind(new SharedArrayBuffer(numbers.length * Kind.BYTES_PER_ELEMENT));
  there.set(numbers);
  return there;
}

function made(seed: number, users: number, isSorted: boolean): CommitColumns {
  const random = new Random(seed);
  const column = (below: number) => Float64Array.from({ length: MANY }, () => Math.floor(random.unit() * below));
  const days = column(800).map((day) => FIRST - 30 + day);
  if (isSorted) days.sort();
  return {
    users: shared(column(users), Uint16Array),
    days: shared(days, Uint16Array),
    haloc: shared(column(65_536), Float64Array),
    churn: shared(column(500), Uint16Array),
    impact: shared(column(2 ** 32), Uint32Array),
  };
}

let pool: Threads;
before(async () => {
  await init();
  pool = await threads(start(3));
});
after(() => pool.free());

test("answers are those of one thread", async () => {
  for (const [seed, [users, isSorted]] of (
    [
      [1_000, false],
      [1, true],
      [60_000, true],
    ] as const
  ).entries()) {
    const commits = made(seed, users, isSorted);
    for (const range of [
      WEEKS,
      { ...WEEKS, resolution: "period" } as const,
      { ...WEEKS, start_date: "2024-05-15", end_date: "2024-06-20" },
      { ...WEEKS, start_date: "2026-01-01", end_date: "2026-03-01" },
    ]) {
      assert.deepEqual(await pool.metricsOf(commits, range, asked), metricsOf(commits, range, asked));
      assert.deepEqual(await pool.metricsColumnsOf(commits, range, asked), metricsColumnsOf(commits, range, asked));
    }
  }
});

test("several questions at once", async () => {
  const all = [made(7, 10, false), made(8, 900, true), made(9, 70, false)];
  const answers = await Promise.all(all.map((commits) => pool.metricsOf(commits, WEEKS, asked)));
  for (const [at, commits] of all.entries()) assert.deepEqual(answers[at], metricsOf(commits, WEEKS, asked));
});

test("what is wrong is told as one thread tells it", async () => {
  const good = made(1, 100, true);
  const with_ = (name: keyof CommitColumns, ...bad: [number, number][]) => {
    const column = shared(good[name], Float64Array);
    for (const [at, value] of bad) column[at] = value;
    return { ...good, [name]: column };
  };
  for (const commits of [
    with_("churn", [MANY - 1, 0.5]),
    with_("users", [200_000, 65_536], [150_000, -1]),
    { ...with_("days", [8_000, NaN]), impact: with_("impact", [12_000, 2 ** 32]).impact },
    { ...good, haloc: shared([1, 2], Uint16Array) },
  ]) {
    const expected = metricsOf(commits, WEEKS, asked);
    assert(!expected.ok && expected.error.kind === "row");
    assert.deepEqual(await pool.metricsOf(commits, WEEKS, asked), expected);
  }
  const far = with_("users", [5, 65_535]);
  far.days = shared(
    Array.from(good.days).map((day, at) => (at % 2 ? 0 : 65_000)),
    Uint16Array,
  );
  const forever = { ...WEEKS, start_date: "2024-01-01", end_date: "2190-01-01" };
  assert.deepEqual(await pool.metricsOf(far, forever, asked), metricsOf(far, forever, asked));
  const range = { ...WEEKS, start_date: "soon" };
  const refused = await pool.metricsOf(good, range, asked);
  assert(!refused.ok && refused.error.kind === "request");
  assert.deepEqual(refused, metricsOf(good, range, asked));
  // And afterwards all is well.
  assert.deepEqual(await pool.metricsOf(good, WEEKS, asked), metricsOf(good, WEEKS, asked));
});

test("too many users and weeks for one thread, by whichever threads they come", async () => {
  const commits = made(2, 65_536, false);
  const days = shared(
    Array.from(commits.days).map((_, at) => (at < MANY / 2 ? FIRST : 65_000)),
    Uint16Array,
  );
  const range = { ...WEEKS, end_date: "2190-01-01" };
  const told = await pool.metricsOf({ ...commits, days }, range, asked);
  assert(!told.ok && told.error.kind === "memory");
  assert.deepEqual(told, metricsOf({ ...commits, days }, range, asked));
});

test("few commits, and arrays that are not shared", async () => {
  const few = { users: [0, 1], days: [FIRST, FIRST], haloc: [1, 2], churn: [0, 1], impact: [10_000, 20_000] };
  assert.deepEqual(await pool.metricsOf(few, WEEKS, asked), metricsOf(few, WEEKS, asked));
  const commits = { ...made(3, 9, false), users: new Uint16Array(MANY) };
  assert.deepEqual(await pool.metricsOf(commits, WEEKS, asked), metricsOf(commits, WEEKS, asked));
});

test("what is answered and what fails leaves nothing behind", async () => {
  const { memory } = initSync();
  const good = made(4, 500, false);
  const bad = {
    ...good,
    churn: shared(
      Float64Array.from(good.churn, (value, at) => (at === 280_000 ? -1 : value)),
      Float64Array,
    ),
  };
  const size = async () => {
    for (let turn = 0; turn < 40; turn += 1) await pool.metricsOf(turn % 2 ? good : bad, WEEKS, asked);
    return memory.buffer.byteLength;
  };
  const before = await size();
  assert.equal(await size(), before);
});

test("a thread that ends is an error, and so is every question afterwards", async () => {
  const commits = made(5, 50, true);
  for (const end of ["while it sums", "before it is asked"]) {
    const others = start(2);
    using pool = await threads(others);
    const ended = end === "before it is asked" ? await others[1]!.terminate() : undefined;
    const answering = pool.metricsOf(commits, WEEKS, asked);
    if (ended === undefined) void others[1]!.terminate();
    const failed = { ok: false, error: { kind: "worker", message: "A thread has failed." } };
    const first = await answering;
    if (!first.ok || end === "before it is asked") assert.deepEqual(first, failed);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await pool.metricsOf(commits, WEEKS, asked), failed);
  }
});

test("a thread that can't start is an error", async () => {
  for (const text of [
    "throw new Error('no')",
    "process.exit(3)",
    "require('node:worker_threads').parentPort.once('message', ({ share }) => require('node:worker_threads').parentPort.postMessage({ share, error: 'no wasm' }))",
  ]) {
    using pool = await threads([...start(1), new Worker(text, { eval: true }).on("error", () => {})]);
    const told = await pool.metricsOf(made(6, 5, true), WEEKS, asked);
    assert(!told.ok && told.error.kind === "worker");
  }
});

test("the smaller module has no threads, and says so", async () => {
  const dist = JSON.stringify(new URL("../../browser/dist/", import.meta.url).href);
  const text = `
    const { parentPort, Worker } = require("node:worker_threads");
    Promise.all(["node.js", "threads.js"].map((name) => import(${dist} + name))).then(async ([core, { threads }]) => {
      await core.default();
      const pool = await threads([new Worker(new URL(${dist} + "thread-node.js"))]);
      const range = { start_date: "2026-06-01", resolution: "week" };
      const commits = { users: [], days: [], haloc: [], churn: [], impact: [] };
      parentPort.postMessage(await pool.metricsOf(commits, range));
    });`;
  const [told] = (await once(new Worker(text, { eval: true }), "message")) as unknown[];
  const message = 'Threads need init of "streamgage/lists".';
  assert.deepEqual(told, { ok: false, error: { kind: "no-lists", message } });
});

test("ended threads say so, and what they were doing does", async () => {
  const commits = made(6, 50, true);
  const pool = await threads(start(1));
  const answering = pool.metricsOf(commits, WEEKS, asked);
  pool.free();
  pool.free();
  const ended = { ok: false, error: { kind: "freed", message: "The threads were ended." } };
  assert.deepEqual(await answering, ended);
  assert.deepEqual(await pool.metricsColumnsOf(commits, WEEKS, asked), ended);
});

test("in Node, the same script is a thread for tables", async () => {
  const [worker] = start(1);
  const { port1, port2 } = new MessageChannel();
  worker!.on("message", (value) => port2.postMessage(value));
  port2.addEventListener("message", ({ data }) => worker!.postMessage(data));
  port2.start();
  const table = await connect(port1).table();
  const row = { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-01T09:30:00" };
  assert.equal((await table.add("commits", [row])).ok, true);
  port1.close();
  await worker!.terminate();
});
