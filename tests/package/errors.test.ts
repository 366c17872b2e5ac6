// Invalid rows through every way of adding rows: the failure names the first one, no row is stored, and nothing is
// thrown.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import init, {
  createClient,
  Table,
  validateMetrics,
  type Commit,
  type Failure,
  type Outcome,
} from "../../browser/dist/lists-inline.js";
import { connect, serve } from "../../browser/dist/worker.js";

const GOOD = { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-01T09:30:00" };
const encoder = new TextEncoder();

/** The body with which the server responds. */
let page = "";
const server = createServer((_, response) => response.end(page));
const { port1, port2 } = new MessageChannel();
const thread = connect(port2);

before(async () => {
  await init();
  await once(server.listen(0, "127.0.0.1"), "listening");
  serve(port1, () => init());
});
after(() => {
  server.close();
  port1.close();
});

async function* slowly(text: string): AsyncGenerator<string> {
  for (const character of text) yield character;
}

type AddText = (table: Table, text: string) => Outcome<unknown> | Promise<Outcome<unknown>>;

/** Every way of adding text to a table. */
const WAYS: Record<string, AddText> = {
  text: (table, text) => table.add("commits", text),
  bytes: (table, text) => table.add("commits", encoder.encode(text)),
  "an ArrayBuffer": (table, text) => table.add("commits", encoder.encode(text).buffer),
  "a response": (table, text) => table.load("commits", new Response(text)),
  "a blob": (table, text) => table.load("commits", new Blob([text])),
  "a stream": (table, text) => table.load("commits", new Blob([text]).stream()),
  "a stream of text": (table, text) => table.load("commits", slowly(text)),
  "a client": (table, text) => {
    page = text;
    const { port } = server.address() as AddressInfo;
    return createClient({ url: `http://127.0.0.1:${port}`, key: "k" }).load(table, "commits");
  },
  "a thread": async (_, text) => (await thread.table()).add("commits", encoder.encode(text)),
  "a response to a thread": async (_, text) => (await thread.table()).load("commits", new Response(text)),
};

/** Invalid rows, with the invalid field and the message. */
const ROWS: [row: unknown, field: string | null, error: string][] = [
  [{ ...GOOD, id: undefined }, "id", "is required"],
  [{ ...GOOD, apex_user_id: undefined }, "apex_user_id", "is required"],
  [{ ...GOOD, repo_id: null }, "repo_id", "is required"],
  [{ ...GOOD, author_local_date: undefined }, "author_date", "is required, or author_local_date"],
  [
    { ...GOOD, author_local_date: "2026-02-30T09:30:00" },
    "author_local_date",
    "must be a date-time, such as 2021-06-01T09:30:00",
  ],
  [{ ...GOOD, author_date: 7 }, "author_date", "must be a date-time, such as 2021-06-01T09:30:00"],
  [{ ...GOOD, haloc: "12" }, "haloc", "must be a whole number of at most 2^53 - 1"],
  [{ ...GOOD, haloc: 1.5 }, "haloc", "must be a whole number of at most 2^53 - 1"],
  [{ ...GOOD, churn: 2 ** 53 }, "churn", "must be a whole number of at most 2^53 - 1"],
  [{ ...GOOD, impact: 1e300 }, "impact", "must be a number of at most 900,719,925,474"],
  [{ ...GOOD, risk: true }, "risk", "must be a number"],
  [{ ...GOOD, is_merge: "no" }, "is_merge", "must be true or false"],
  [{ ...GOOD, message: [] }, "message", "must be text"],
  [{ ...GOOD, hexsha: "\ud800" }, "hexsha", "holds half a character"],
  [{ ...GOOD, _deleted: "yes" }, "_deleted", "must be true or false"],
  [7, null, "must be an object"],
  [null, null, "must be an object"],
];

const named = (index: number | null, field: string | null, error: string): Failure => ({
  kind: "row",
  message: `commits${index === null ? "" : `[${index}]`}${field === null ? "" : `.${field}`}: ${error}`,
  row: { resource: "commits", index, field, error },
});

for (const [way, add] of Object.entries(WAYS))
  test(`a bad row is named: ${way}`, async () => {
    for (const [row, field, error] of ROWS) {
      const rows = [GOOD, GOOD, row, GOOD];
      for (const text of [
        JSON.stringify(rows),
        rows.map((row) => JSON.stringify(row)).join("\n"),
        JSON.stringify({ count: 4, next: null, previous: null, results: rows }),
      ]) {
        using table = new Table();
        assert.deepEqual(await add(table, text), { ok: false, error: named(2, field, error) }, text);
      }
    }
  });

test("a bad row is named: objects", () => {
  for (const [row, field, error] of ROWS) {
    // TypeScript rejects these rows.
    const commits = [GOOD, GOOD, row] as Commit[];
    using table = new Table();
    assert.deepEqual(table.add("commits", commits), { ok: false, error: named(2, field, error) });
  }
  using table = new Table();
  const many = Array.from({ length: 2_345 }, (_, id) => ({ ...GOOD, id }));
  for (const [value, error] of [
    [NaN, "must be a finite number"],
    [-Infinity, "must be a finite number"],
    [2n ** 53n, "must be a whole number of at most 2^53 - 1"],
  ]) {
    const commits = [...many, { ...GOOD, haloc: value }] as Commit[];
    assert.deepEqual(table.add("commits", commits).error, named(2_345, "haloc", String(error)));
  }
  const circle: { id: number; self?: unknown } = { id: 1 };
  circle.self = circle;
  const asked = table.add("users", [...Array(1_500).fill({ id: 2 }), circle]);
  assert.match(
    !asked.ok && asked.error.kind === "row" ? asked.error.row.error : "",
    /^cannot be converted to JSON: TypeError: /,
  );
  assert.match(asked.error?.message ?? "", /^users\[1500\]: /);
  for (const rows of [7, null, {}, new Date()])
    assert.deepEqual(
      table.add("commits", rows as never).error,
      named(null, null, "must be an array of objects, text or bytes"),
    );
});

/** Invalid or incomplete JSON. */
const TEXTS: [text: string, index: number, error: string][] = [
  ['{"id":1,"apex_user_id":7,"repo_id":3,"author_date":"2026-06-01"}\n{"id":2,,}\n', 1, "is no JSON from byte 8 on"],
  ['{"id":1,"apex_user_id":7,"repo_id":3,"author_date":"2026-06-01"}\n{"id":2', 1, "ends too early"],
  [
    '{"count":9,"next":null,"results":[{"id":1,"apex_user_id":7,"repo_id":3,"author_date":"2026-06-01"},',
    1,
    "ends too early",
  ],
  ['[{"id":1,"apex_user_id":7,"repo_id":3,"author_date":"2026-06-01"}', 1, "ends too early"],
  ['[{"id":1,"apex_user_id":7,"repo_id":3,"author_date":"2026-06-01"} {}]', 1, "is no list of rows"],
  ['{"results":[] "count":0}', 0, "is no list of rows"],
  ['{"count":0,7:8}', 0, "is no page"],
  ["<html>", 0, "ends too early"],
  ["<html> ", 0, "is no JSON from byte 0 on"],
];

for (const [way, add] of Object.entries(WAYS))
  test(`invalid text is reported: ${way}`, async () => {
    for (const [text, index, error] of TEXTS) {
      using table = new Table({ lists: true });
      assert.deepEqual(await add(table, text), { ok: false, error: named(index, null, error) }, text);
      assert.equal(table.list("commits").value?.count, 0);
    }
  });

test("bytes that are not UTF-8 are reported for every size of chunk", async () => {
  const bytes = encoder.encode(`${JSON.stringify({ ...GOOD, message: "é" })}\n`.repeat(3));
  bytes[bytes.lastIndexOf(0xc3) + 1] = 0x28;
  const error = named(2, null, "is not UTF-8");
  using table = new Table();
  assert.deepEqual(table.add("commits", bytes).error, error);
  async function* pieces(length: number) {
    for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
  }
  for (const length of [1, 7, 100]) assert.deepEqual((await table.load("commits", pieces(length))).error, error);
});

test("an invalid today and an error response are reported, and the table keeps its rows", async () => {
  using table = new Table({ lists: true });
  const remote = await thread.table();
  for (const response of [new Response("", { status: 500 }), new Response(null, { status: 404 })]) {
    const message = `The response with the rows has the status ${response.status}.`;
    const error = { kind: "unexpected", message, status: response.status };
    assert.deepEqual((await table.load("commits", response)).error, error);
    assert.deepEqual((await remote.load("commits", response)).error, error);
  }
  assert.equal(table.add("commits", [GOOD as never]).ok, true);
  const range = { start_date: "2024-01-01", resolution: "week" } as const;
  const message = "Provide a valid date, such as 2026-06-01.";
  const noDay = { kind: "request", message: `today: ${message}`, errors: { today: [message] } };
  for (const today of [new Date(0), 20240601, null] as never[]) {
    for (const asked of [table.metrics(range, { today }), table.metricsColumns(range, { today })])
      assert.deepEqual(asked.error, noDay);
    assert.deepEqual(validateMetrics(range, { today }).error, noDay);
  }
  assert.equal(table.list("commits").value?.count, 1);
});

test("an aborted or failed stream adds no rows", async () => {
  using table = new Table({ lists: true });
  const controller = new AbortController();
  async function* aborted() {
    yield JSON.stringify(GOOD);
    controller.abort("enough");
    yield "\n";
  }
  let isClosed = false;
  async function* broken() {
    try {
      yield JSON.stringify(GOOD);
      throw new Error("the connection was closed");
    } finally {
      isClosed = true;
    }
  }
  const { signal } = controller;
  assert.deepEqual((await table.load("commits", aborted(), { signal })).error, { kind: "aborted", message: "enough" });
  assert.deepEqual((await table.load("commits", broken())).error, {
    kind: "network",
    message: "Reading the rows failed: Error: the connection was closed",
  });
  assert.ok(isClosed);
  assert.equal(table.list("commits").value?.count, 0);
});

test("a thread that cannot start, and a stream to a thread that fails, return failures", async () => {
  const { port1, port2 } = new MessageChannel();
  serve(port1, () => Promise.reject(new Error("the module is missing")));
  const table = await connect(port2).table();
  const error = { kind: "worker", message: "Error: the module is missing" };
  for (const asked of [table.add("commits", []), table.list("commits"), table.answer("/v3/")])
    assert.deepEqual(await asked, { ok: false, error });
  await table.free();
  port1.close();

  const broken = new ReadableStream({
    start: (controller) => controller.error(new Error("the connection was closed")),
  });
  const outcome = await (await thread.table()).load("commits", broken);
  assert.deepEqual(outcome.error, {
    kind: "network",
    message: "Reading the rows failed: Error: the connection was closed",
  });
});

test("an unknown resource, an unknown path, and lists of a table without lists return failures", () => {
  using table = new Table();
  const name = "commit" as "commits";
  assert.deepEqual(table.add(name, []).error, { kind: "not-found", message: 'There is no resource "commit".' });
  assert.deepEqual(table.list(name).error, { kind: "not-found", message: "Not found." });
  assert.equal(table.list("commits").error?.kind, "no-lists");
  assert.equal(table.aggregate("").error?.kind, "no-lists");
});
