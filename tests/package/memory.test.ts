// WebAssembly memory does not grow while ten thousand tables are loaded and freed, or collected. Calls on a freed table
// fail. The main thread tests the module with lists, another thread the one without lists.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import init, { Table } from "../../browser/dist/lists-inline.js";
import { currentInstance } from "../../browser/dist/instance.js";
import { connect, type RemoteTable } from "../../browser/dist/worker.js";

const TIMES = 10_000;
/** The memory has its final size after this number of rounds. */
const WARM_UP = 500;
const WEEKS = { start_date: "2026-06-01", resolution: "week" } as const;
const today = "2026-09-01";
const FREED = { ok: false, error: { kind: "freed", message: "The table was freed." } };

const commits = Array.from({ length: 6 }, (_, id) => ({
  id,
  apex_user_id: id % 2,
  repo_id: 3,
  author_local_date: `2026-06-${id % 2 ? "01" : "30"}T09:30:00`,
  ignore_hash: `${id % 5}`.repeat(40),
  haloc: id * 100_000,
  message: "a message that needs memory of its own",
}));
const text = commits.map((row) => JSON.stringify(row)).join("\n");

/** Valid and invalid ways to fill a table. */
const LOADS: ((table: Table) => unknown)[] = [
  (table) => table.add("commits", commits),
  (table) => table.add("commits", text),
  (table) => table.add("commits", new TextEncoder().encode(text)),
  (table) => table.load("commits", new Blob([text])),
  (table) => table.add("commits", `${text}\n{"id":1.5}`),
  (table) => table.add("commits", text.slice(0, -1)),
  (table) => table.load("commits", new Blob([text]), { signal: AbortSignal.abort() }),
  (table) => {
    const loading = table.load("commits", new Blob([text]));
    // Frees the table during the load.
    table.free();
    return loading;
  },
];

async function use(table: Table, time: number): Promise<void> {
  await LOADS[time % 4]?.(table);
  await LOADS[time % LOADS.length]?.(table);
  table.metrics(WEEKS, { today });
  table.metrics("start_date=x", { today });
  table.list("commits", "haloc__gte=7&ordering=-impact&search=memory");
}

/** Repeats work, and returns the size of the memory after the warm-up and at the end. */
async function sizes(size: () => number | Promise<number>, work: (time: number) => Promise<void>): Promise<number[]> {
  const sizes = [];
  for (let time = 0; time < TIMES; time += 1) {
    await work(time);
    if (time === WARM_UP || time === TIMES - 1) sizes.push(await size());
  }
  return sizes;
}

test("freed tables do not leak, with free and with using", async () => {
  await init();
  const { memory } = currentInstance()!;
  const [before, after] = await sizes(
    () => memory.buffer.byteLength,
    async (time) => {
      if (time % 2) {
        using table = new Table({ lists: true });
        await use(table, time >> 1);
      } else {
        const table = new Table({ lists: true });
        await use(table, time >> 1);
        table.free();
        table.free();
      }
    },
  );
  assert.equal(after, before);
});

test("forgotten tables do not leak", async () => {
  await init();
  const { memory } = currentInstance()!;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const [before, after] = await sizes(
    () => memory.buffer.byteLength,
    async (time) => {
      await use(new Table({ lists: true }), time);
      if (time % 100 === 0) {
        collect();
        // Finalizers run in a separate task.
        await wait(1);
      }
    },
  );
  // The collector decides how many tables are alive. All of them would need more than 50 MB.
  assert.ok(Number(after) - Number(before) < 1 << 20, `${before}, then ${after} bytes`);
});

test("every call on a freed table returns a failure", async () => {
  await init();
  const table = new Table({ lists: true });
  table.free();
  for (const answer of [
    table.add("commits", commits),
    table.add("commits", text),
    await table.load("commits", new Blob([text])),
    table.metrics(WEEKS, { today }),
    table.metricsColumns(WEEKS, { today }),
    table.list("commits"),
    table.object("commits", 1),
    table.aggregate("group_by[repo_id]"),
    table.answer("/v3/customer/core/commits/"),
  ])
    assert.deepEqual(answer, FREED);
});

test("tables in a thread do not leak", async () => {
  const dist = new URL("../../browser/dist/", import.meta.url);
  const script = `
    const { parentPort } = require("node:worker_threads");
    const dist = ${JSON.stringify(dist.href)};
    parentPort.once("message", async (port) => {
      const [{ serve }, { default: init }, { currentInstance }] =
        await Promise.all(["worker.js", "inline.js", "instance.js"].map((name) => import(dist + name)));
      serve(port, () => init());
      parentPort.on("message", () => parentPort.postMessage(currentInstance().memory.buffer.byteLength));
    });`;
  const worker = new Worker(script, { eval: true });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(port2, [port2]);
  const thread = connect(port1);
  const size = async () => {
    worker.postMessage("size");
    return (await once(worker, "message"))[0] as number;
  };
  let table: RemoteTable | undefined;
  const [before, after] = await sizes(size, async (time) => {
    table = await thread.table();
    assert.equal((await table.add("commits", time % 2 ? text : commits)).ok, true);
    assert.equal((await table.metrics(WEEKS, { today })).value?.count, 2);
    await table.free();
  });
  assert.equal(after, before);

  assert.deepEqual(await table?.metrics(WEEKS, { today }), FREED);
  assert.deepEqual(await table?.add("commits", text), FREED);
  const client = await thread.client({ url: "http://127.0.0.1:1", key: "k" });
  assert.deepEqual(await client.load(table as RemoteTable, "commits"), FREED);
  port1.close();
  await worker.terminate();
});

test("the script of streamgage/thread answers in a Worker of Node", async () => {
  const worker = new Worker(new URL("../../browser/dist/thread-node.js", import.meta.url));
  const { port1, port2 } = new MessageChannel();
  worker.on("message", (value) => port2.postMessage(value));
  port2.addEventListener("message", ({ data }) => worker.postMessage(data));
  port2.start();
  const table = await connect(port1).table();
  assert.equal((await table.add("commits", commits)).ok, true);
  port1.close();
  await worker.terminate();
});
