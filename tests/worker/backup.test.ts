// push and pull: a backup is exact, and a second push writes nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/lib.ts";
import { NUMBERED, sampleRows, startV3Server } from "../v3-server.ts";
import { start, type Worker } from "./harness.ts";

let worker: Worker;
let folder: string;

before(async () => {
  worker = await start();
  folder = mkdtempSync(join(tmpdir(), "streamgage-backup-"));
});
after(async () => {
  await worker?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command line without blocking this process, which serves the Worker. */
function streamgage(key: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, STREAMGAGE_KEY: key, XDG_STATE_HOME: join(folder, "state") };
  const child = spawn(join(root, "target/release/streamgage"), args, { env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => (code === 0 ? done(output) : fail(new Error(`${args.join(" ")}: ${output}`))));
  });
}

const files = (dump: string): Record<string, string> =>
  Object.fromEntries(readdirSync(dump).map((name) => [name, readFileSync(join(dump, name), "utf8")]));

test("pull, push, pull is identical, and a second push changes nothing", async () => {
  const key = await worker.key("metrics core import");
  const url = String(worker.url).replace(/\/$/, "");
  const [demo, first, second] = ["demo", "first", "second"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await streamgage(key, "demo", "--out", demo, "--users", "30", "--months", "2", "--until", "2026-06-10");
  await streamgage(key, "push", demo, "--to", url);
  await streamgage(key, "pull", url, "--out", first);
  const again = await streamgage(key, "push", first, "--to", url);
  const sent = again.split("\n").filter((line) => line.includes(" sent, "));
  assert.equal(sent.length, 7, again);
  for (const line of sent) assert.match(line, /, 0 changed$/);
  await streamgage(key, "pull", url, "--out", second);
  assert.deepEqual(files(second), files(first));

  const rows = (dump: string, name: string): Record<string, unknown>[] =>
    readFileSync(join(dump, `${name}.ndjson`), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  for (const name of ["commits", "users", "teams", "team_membership", "repos", "tags", "user_alias"]) {
    const pulled = new Map(rows(first, name).map((row) => [row.id, row]));
    assert.equal(pulled.size, rows(demo, name).length, name);
    for (const row of rows(demo, name))
      for (const [field, value] of Object.entries(row)) assert.deepEqual(pulled.get(row.id)?.[field], value, field);
  }
});

test("a dump of a server with all resources survives a Worker to the byte", async (context) => {
  const rows = sampleRows();
  assert.equal(Object.keys(rows).length, 24);
  const options = { rows, ignoresIdFilter: false, authority: "https://internal.example:8443" };
  const own = await start();
  const server = await startV3Server(options);
  context.after(() => Promise.all([own.close(), server.close()]));
  const key = await own.key("core import");
  const url = String(own.url).replace(/\/$/, "");
  const dump = (name: string) => join(folder, `all-${name}`);

  const report = await streamgage(key, "pull", server.url, "--out", dump("first"));
  assert.match(report, /complete: all 24 lists are saved with as many rows as the server claims\n$/);
  for (const [name, list] of Object.entries(rows)) {
    assert.ok(report.includes(`${name}: ${list.length} rows, count ${list.length}\n`), report);
    const lines = readFileSync(join(dump("first"), `${name}.ndjson`), "utf8")
      .trimEnd()
      .split("\n");
    const sorted = [...list].sort((one, other) => one.id - other.id);
    const ids = lines.map((line) => (JSON.parse(line) as { id: number }).id);
    assert.deepEqual(
      ids,
      sorted.map(({ id }) => id),
      name,
    );
    // Rows of the other resources are unchanged.
    if (TYPED.has(name)) continue;
    assert.deepEqual(
      lines,
      sorted.map((row) => JSON.stringify(row)),
      name,
    );
  }
  // A server that ignores the filter by id gives the same dump.
  options.ignoresIdFilter = true;
  await streamgage(key, "pull", server.url, "--out", dump("links"));
  assert.deepEqual(files(dump("links")), files(dump("first")));

  await streamgage(key, "push", dump("first"), "--to", url);
  await streamgage(key, "pull", url, "--out", dump("second"));
  assert.deepEqual(files(dump("second")), files(dump("first")));
  await readAsConnector(own, rows);
});

/** The greatest number of lists and objects that may lie inside each other in a value of a row. */
const MAX_DEPTH = 120;

test("the deepest values that are imported are listed and pulled; deeper ones are refused", async (context) => {
  const own = await start();
  context.after(() => own.close());
  const key = await own.key("core import");
  const lists = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const texts: [string, (depth: number) => string][] = [
    ["tags", (depth) => `{"id":1,"other":${lists(depth)}}`],
    [
      "commits",
      (depth) => `{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2026-01-02","extracted_tags":${lists(depth)}}`,
    ],
    ["pull_requests", (depth) => `{"id":1,"title":${lists(depth)}}`],
    ["tickets", (depth) => `{"id":1,"project_id":{"id":7,"other":${lists(depth - 1)}},"other":${lists(depth - 1)}}`],
  ];
  for (const [resource, text] of texts) {
    assert.deepEqual(
      await own.load(resource, text(MAX_DEPTH)),
      { status: 200, body: { rows: 1, changed: 1 } },
      resource,
    );
    const refused = await own.load(resource, text(MAX_DEPTH + 1).replace('"id":1', '"id":2'));
    assert.equal(refused.status, 400, resource);
    assert.match(JSON.stringify(refused.body), /is nested too deeply/, resource);
    const page = await (await own.ask(`/v3/customer/core/${resource}/`)).text();
    assert.ok(page.includes(lists(MAX_DEPTH - 2)) && JSON.parse(page).count === 1, resource);
  }
  const url = String(own.url).replace(/\/$/, "");
  const dump = join(folder, "deep");
  await streamgage(key, "pull", url, "--out", dump);
  for (const [resource] of texts) assert.equal(files(dump)[`${resource}.ndjson`]?.split("\n").length, 2, resource);
  const again = await streamgage(key, "push", dump, "--to", url);
  assert.doesNotMatch(again, /[1-9]\d* changed/);
});

const TYPED = new Set(["commits", "users", "teams", "team_membership", "repos", "tags", "user_alias"]);

/** The typed resources that filter by these dates. All other resources do. */
const DATES = { created_at: ["users", "user_alias", "repos"], updated_at: ["repos"] };

/** Reads every resource as PostHog's connector does: pages by offset up to `count`, and rows since a date. */
async function readAsConnector(own: Worker, rows: ReturnType<typeof sampleRows>): Promise<void> {
  const read = async (resource: string, filter: string) => {
    const ids: number[] = [];
    for (let count = 1; ids.length < count;) {
      const isNumbered = NUMBERED.includes(resource);
      const place = isNumbered ? `page_size=500&page=${ids.length / 500 + 1}` : `limit=500&offset=${ids.length}`;
      const response = await own.ask(`/v3/customer/core/${resource}/?${place}&ordering=id${filter}`);
      assert.equal(response.status, 200, resource);
      const page = (await response.json()) as { count: number; results: { id: number }[] };
      count = page.count;
      ids.push(...page.results.map(({ id }) => id));
      assert.ok(page.results.length > 0 || count === 0, resource);
    }
    return ids;
  };
  const since = "2025-01-06T00:00:00";
  for (const [resource, list] of Object.entries(rows)) {
    const expected = (keeps: (row: (typeof list)[number]) => boolean) =>
      list
        .filter(keeps)
        .map(({ id }) => id)
        .sort((one, other) => one - other);
    assert.deepEqual(
      await read(resource, ""),
      expected(() => true),
      resource,
    );
    for (const field of ["created_at", "updated_at"] as const) {
      const filters = !TYPED.has(resource) || DATES[field].includes(resource);
      const keeps = (row: (typeof list)[number]) => !filters || String(row[field]) >= since;
      assert.deepEqual(await read(resource, `&${field}__gte=${since}`), expected(keeps), `${resource} ${field}`);
    }
  }
}
