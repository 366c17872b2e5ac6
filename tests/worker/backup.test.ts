// push and pull: a backup is exact, and a second push writes nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/lib.ts";
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
