// npm run scale [-- COPIES]: measures rows, bytes and time per commit in D1. Loads the sample, then copies of it with other
// ids and users (default 16).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { corpora, METRICS } from "../tests/conformance.ts";
import { loadDump, start } from "../tests/worker/harness.ts";
import { buildPage } from "./build-page.ts";
import { buildBrowser } from "./build-browser.ts";
import { buildWorker } from "./build-worker.ts";
import { UserError, main } from "./lib.ts";

type Row = Record<string, unknown> & { id: number; apex_user_id: number; ignore_hash: string | null };

const timing = /rows_read=(\d+)(?: rows_written=(\d+))?";dur=([\d.]+)/;

await main(async () => {
  const copies = Number(process.argv[2] ?? 16);
  const corpus = corpora()[0];
  if (!corpus || !(copies >= 0)) throw new UserError("npm run scale [-- COPIES]");
  await buildBrowser();
  await buildPage();
  await buildWorker(false);
  const worker = await start({ vars: { TODAY: corpus.today } });
  const databaseSize = async () => (await worker.sql("SELECT 1")).meta.size_after;
  /** Reads the D1 statistics of a response: rows read, rows written, milliseconds. */
  const statistics = async (response: Response) => {
    const body = await response.text();
    if (!response.ok) throw new UserError(`${response.status} ${body}`);
    const [, read, written, duration] = timing.exec(response.headers.get("server-timing") ?? "") ?? [];
    return { read: Number(read), written: Number(written ?? 0), duration: Number(duration) };
  };

  await loadDump(worker, corpus.dump);
  const lines = readFileSync(join(corpus.dump, "commits.ndjson"), "utf8").split("\n").filter(Boolean);
  const rows: Row[] = lines.map((line) => JSON.parse(line));
  const first = await databaseSize();
  console.log(`the dump: ${rows.length} commits, ${first} bytes`);

  const total = { read: 0, written: 0 };
  for (let turn = 1; turn <= copies; turn += 1)
    for (let at = 0; at < rows.length; at += 1000) {
      const body = rows.slice(at, at + 1000).map((row) =>
        JSON.stringify({
          ...row,
          id: row.id + turn * 100_000,
          apex_user_id: row.apex_user_id + turn * 10_000,
          ignore_hash: row.ignore_hash && `${row.ignore_hash}-${turn}`,
        }),
      );
      const { read, written } = await statistics(
        await worker.ask("/import/commits", { method: "POST", body: body.join("\n") }),
      );
      total.read += read;
      total.written += written;
    }
  const added = rows.length * copies;
  const perCommit = (sum: number) => (sum / added).toFixed(1);
  if (added > 0)
    console.log(
      `${added} more commits, per commit: ${perCommit((await databaseSize()) - first)} bytes, ` +
        `${perCommit(total.read)} rows read, ${perCommit(total.written)} rows written`,
    );

  const year = Number(corpus.today.slice(0, 4));
  const month = new Date(Date.parse(`${corpus.today}Z`) - 30 * 86_400_000).toJSON().slice(0, 10);
  const all = `${year - 3}${corpus.today.slice(4)}`;
  for (const [name, query] of [
    ["one month, whole organization", `start_date=${month}`],
    ["three years, whole organization", `start_date=${all}`],
    ["three years, one team with nested teams", `start_date=${all}&team_id=100&include_nested_teams=true`],
    ["three years, one user", `start_date=${all}&apex_user_id=1100`],
  ] as const) {
    const { read, duration } = await statistics(await worker.ask(`${METRICS}?${query}&resolution=week`));
    console.log(`${name}: ${read} rows read, ${duration} ms`);
  }
  await worker.close();
});
