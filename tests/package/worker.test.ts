// Connections to workers of Node: streams, and workers that fail, end, or run another script.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { connect } from "../../browser/dist/worker.js";

const WEEKS = { start_date: "2026-06-01", resolution: "week" } as const;
const today = "2026-09-01";
const row = (id: number) => `{"id":${id},"apex_user_id":7,"repo_id":3,"author_local_date":"2026-06-01T09:30:00"}\n`;
const workers: Worker[] = [];
const start = (...args: ConstructorParameters<typeof Worker>): Worker => {
  const worker = new Worker(...args);
  workers.push(worker);
  return worker;
};
const thread = () => start(new URL("../../browser/dist/thread-node.js", import.meta.url));
const script = (code: string) => start(code, { eval: true });
const failed = (message: string) => ({ ok: false, error: { kind: "worker", message } });

after(() => Promise.all(workers.map((worker) => worker.terminate())));

test("a worker of Node is connected directly, streams are sent part by part, and close ends it", async () => {
  const worker = thread();
  const connection = connect(worker);
  const table = await connection.table({ lists: true });
  const progress: number[] = [];
  async function* rows() {
    for (let id = 1; id <= 3; id += 1) {
      // Each part is requested after the previous one was read.
      assert.equal(progress.length, id - 1);
      yield row(id);
    }
  }
  const loaded = await table.load("commits", rows(), { onProgress: ({ rows }) => progress.push(rows) });
  assert.deepEqual(loaded, { ok: true, value: { rows: 3, next: null } });
  assert.deepEqual(progress, [1, 2, 3]);
  assert.equal((await table.metrics(WEEKS, { today })).value?.results[0]?.commit_count, 3);

  const silent = new ReadableStream<Uint8Array>({});
  const { error } = await table.load("commits", silent, { signal: AbortSignal.timeout(50) });
  assert.equal(error?.kind, "aborted");
  const throwing = await table.load("commits", new Blob([row(4)]), {
    onProgress: () => {
      throw new Error("a mistake");
    },
  });
  assert.equal(throwing.error?.kind, "usage");
  assert.equal((await table.list("commits")).value?.count, 3);

  const pending = table.load("commits", new ReadableStream({}));
  connection.close();
  assert.deepEqual(await pending, failed("The connection was closed."));
  assert.deepEqual(await table.metrics(WEEKS, { today }), failed("The connection was closed."));
});

test("calls fail when the worker is terminated, exits, throws, or its script is missing", async () => {
  const worker = thread();
  const table = await connect(worker).table();
  const pending = table.load("commits", new ReadableStream({}));
  void worker.terminate();
  assert.deepEqual(await pending, failed("The worker was terminated."));
  assert.deepEqual(await table.metrics(WEEKS, { today }), failed("The worker was terminated."));

  const exits = await connect(script("process.exit(0)")).table();
  assert.deepEqual(await exits.metrics(WEEKS, { today }), failed("The worker has ended."));
  const throws = await connect(script('throw new Error("broken")')).table();
  assert.deepEqual(await throws.metrics(WEEKS, { today }), failed("The worker failed: broken"));
  const missing = await connect(start("/missing.js")).table();
  assert.match((await missing.metrics(WEEKS, { today })).error?.message ?? "", /^The worker failed: /);
});

test("calls fail when the worker runs another script", async () => {
  const worker = script("require('node:worker_threads').parentPort.on('message', () => {})");
  const connection = connect(worker, { timeout: 300 });
  const table = await connection.table();
  assert.deepEqual(
    await table.metrics(WEEKS, { today }),
    failed("The worker did not answer. Does it run streamgage/thread?"),
  );
  connection.close();
});

test("rows that cannot be sent are the caller's mistake", async () => {
  const connection = connect(thread());
  const table = await connection.table();
  const added = await table.add("users", [{ id: 1, name: () => "a" } as never]);
  assert.deepEqual(added, {
    ok: false,
    error: { kind: "usage", message: "The arguments cannot be sent to the worker." },
  });
  connection.close();
});

const usage = (message: string) => ({ ok: false, error: { kind: "usage", message } });

test("a connection checks what a table and a client check, and throws nothing", async () => {
  const connection = connect(thread());
  const table = await connection.table({ lists: true });
  const client = await connection.client({ url: "https://example.com", key: "k" });
  const gone = await connection.table({ list: true } as never);
  const unknown = usage('There is no parameter "apexUserId". Did you mean "apex_user_id"?');
  const noQuery = usage("The query must be text or an object of parameters.");
  const noObject = usage("The options must be an object.");
  const noSignal = usage('The option "signal" must be an AbortSignal.');
  const noTable = usage("The table must be one of this connection.");
  const silent = () => new ReadableStream<Uint8Array>({});
  for (const [outcome, expected] of [
    [table.metrics({ ...WEEKS, apexUserId: 7 } as never), unknown],
    [client.metrics({ ...WEEKS, apexUserId: 7 } as never), unknown],
    [table.metrics(null as never), noQuery],
    [table.aggregate(undefined as never), noQuery],
    [client.metrics(42 as never), noQuery],
    [table.metrics(WEEKS, null as never), noObject],
    [table.answer("/v3/", null as never), noObject],
    [table.load("users", silent(), null as never), noObject],
    [client.list("users", "", null as never), noObject],
    [table.load("users", silent(), { signal: 3 as never }), noSignal],
    [client.list("users", "", { signal: 3 as never }), noSignal],
    [table.metrics(WEEKS, { todya: "" } as never), usage('There is no option "todya". Did you mean "today"?')],
    [client.load({} as never, "users"), noTable],
    [client.load(null as never, "users"), noTable],
    [client.load(await connect(thread()).table(), "users"), noTable],
    [client.load(gone, "users"), usage('There is no option "list". Did you mean "lists"?')],
    [gone.list("users"), usage('There is no option "list". Did you mean "lists"?')],
    [(await connection.table(null as never)).list("users"), noObject],
    [(await connection.client(undefined as never)).list("users"), usage('The option "url" must be an http address.')],
    [
      (await connection.client({ url: "https://example.com", key: "k", fetch } as never)).list("users"),
      usage("The arguments cannot be sent to the worker."),
    ],
  ] as const)
    assert.deepEqual(await outcome, expected);
  const query = new URLSearchParams({ start_date: "2026-06-01", resolution: "week", x: "1" });
  assert.deepEqual((await table.metrics(query, { today })).ignored, ["x"]);
  assert.equal((await table.answer(new URL("https://example.com/v3/none/"))).value?.status, 404);
  connection.close();
  connection.close();
  assert.deepEqual(await (await connection.table()).list("users"), failed("The connection was closed."));
});

test("bytes that cannot be transferred are copied", async () => {
  const connection = connect(thread());
  const table = await connection.table({ lists: true });
  const text = row(1);
  const shared = new Uint8Array(new SharedArrayBuffer(text.length));
  const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, text.length);
  // A small Buffer is a part of a pool, which Node does not transfer.
  for (const bytes of [Buffer.from(text), shared, memory]) {
    bytes.set(new TextEncoder().encode(text));
    assert.deepEqual(await table.add("commits", bytes), { ok: true, value: { rows: 1, next: null } });
  }
  connection.close();
});

test("connect throws if its arguments are invalid", () => {
  for (const port of [null, undefined, {}, 7] as never[]) assert.throws(() => connect(port), TypeError);
  for (const options of [null, { timeout: "x" }, { timeout: Infinity }, { timout: 3 }] as never[])
    assert.throws(() => connect(new EventTarget() as never, options), TypeError);
});
