// Commits in typed arrays to the rows of weeks: the npm package, the same in JavaScript, DuckDB-WASM and Arquero. Every
// way has to come to the same numbers.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { op, table as arqueroTable } from "arquero";
import { root, run } from "../lib.ts";
import { commits, FIRST, RANGE, rowsOf, TODAY, USERS, type Commits, type Weeks } from "./generated-commits.ts";
import { figure, heading, measure, type Figure } from "./measure.ts";
import { builtPackage } from "./package.ts";
import { inJavaScript } from "./javascript-columns.ts";

/** The best query of several tried: users and days are counted after a first grouping, which is what is slow. */
const SQL = `
  SELECT ${FIRST} + 7 * w AS monday, count(DISTINCT u), sum(d), sum(n), sum(h), sum(c), sum(i) FROM (
    SELECT (d - ${FIRST}) // 7 AS w, u, count(DISTINCT d) AS d, count(*) AS n, sum(h) AS h, sum(c) AS c, sum(i) AS i
    FROM commits GROUP BY ALL
  ) GROUP BY w ORDER BY w`;

/** What asks DuckDB-WASM of commits that are in it. */
async function duckDb(): Promise<(data: Commits) => () => Weeks> {
  const require = createRequire(import.meta.url);
  const duckdb = require("@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs");
  const bundle = (kind: string) => ({
    mainModule: require.resolve(`@duckdb/duckdb-wasm/dist/duckdb-${kind}.wasm`),
    mainWorker: "",
  });
  const bundles = { mvp: bundle("mvp"), eh: bundle("eh") };
  const database = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await database.instantiate();
  const connection = database.connect();
  return ({ users: u, days: d, haloc: h, churn: c, impact: i }) => {
    connection.query("DROP TABLE IF EXISTS commits");
    const stream = arrow.tableToIPC(arrow.tableFromArrays({ u, d, h, c, i }), "stream");
    connection.insertArrowFromIPCStream(stream, { name: "commits", create: true });
    const rows = (): object[] => connection.query(SQL).toArray();
    return () => rows().map((row) => Object.values(row).map(Number));
  };
}

function arquero({ users, days, haloc, churn, impact }: Commits): () => Weeks {
  const frame = arqueroTable({
    week: days.map((day) => (day - FIRST) / 7),
    users,
    cell: Uint32Array.from(days, (day, at) => (day - FIRST) * USERS + users[at]!),
    haloc,
    churn,
    impact,
  });
  const sums = {
    users: op.distinct("users"),
    days: op.distinct("cell"),
    commits: op.count(),
    haloc: op.sum("haloc"),
    churn: op.sum("churn"),
    impact: op.sum("impact"),
  };
  return () =>
    frame
      .groupby("week")
      .rollup(sums)
      .orderby("week")
      .objects()
      .map((row) => {
        const { week, ...others } = row as Record<string, number>;
        return [FIRST + 7 * week!, ...Object.values(others)];
      });
}

/** The same columns in wasm's memory, and the least that can be done with them there. */
async function inside(
  data: Commits,
  memory: WebAssembly.Memory,
): Promise<{ columns: Commits; sum: () => unknown; mark: () => unknown }> {
  const wasm = join(root, "target/bench/bare.wasm");
  mkdirSync(join(root, "target/bench"), { recursive: true });
  const flags = ["--edition=2024", "--crate-type=cdylib", "-Copt-level=3", "-Ctarget-feature=+simd128"];
  const target = ["--target=wasm32-unknown-unknown", "-Clink-arg=--import-memory", "-o", wasm];
  await run("rustc", [...flags, ...target, join(root, "scripts/bench/sum_columns.rs")]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm)), { env: { memory } });
  const count = data.users.length;
  const marks = memory.grow(Math.ceil((count * 12) / 65_536) + 1) * 65_536;
  let at = marks + 65_536;
  const moved = Object.entries(data).map(([name, column]) => {
    const there = new (column.constructor as typeof Uint16Array)(memory.buffer, at, count);
    there.set(column);
    at += column.byteLength;
    return [name, there];
  });
  const columns = Object.fromEntries(moved) as Commits;
  const { users, days, haloc, churn, impact } = columns;
  const places = [users, days, haloc, churn, impact].map((column) => column.byteOffset);
  return {
    columns,
    sum: () => (exports.sum as Function)(...places, count),
    mark: () => (exports.mark as Function)(users.byteOffset, count, marks),
  };
}

/** Copies all columns a block at a time, as the package does, and does nothing with them. */
function copying(data: Commits): () => void {
  const block = 16_384;
  const rooms = Object.values(data).map((column) => ({
    column,
    room: new (column.constructor as typeof Uint16Array)(block),
  }));
  return () => {
    for (let begin = 0; begin < data.users.length; begin += block)
      for (const { column, room } of rooms) room.set(column.subarray(begin, begin + block));
  };
}

/** Measures, prints and returns what typed arrays cost. */
export async function benchColumns(counts = [100_000, 1_000_000]): Promise<Figure[]> {
  const { metricsColumnsOf, heap } = await builtPackage();
  const ours = (data: Commits) => {
    const answer = metricsColumnsOf(data, RANGE, { today: TODAY });
    assert(answer.ok);
    return answer.value;
  };
  const load = await duckDb();
  const figures: Figure[] = [];
  for (const count of counts)
    for (const isShuffled of [false, true]) {
      heading(
        `\ntyped arrays: ${count.toLocaleString("en")} commits, ${isShuffled ? "shuffled" : "in time order"}; milliseconds`,
      );
      const data = commits(count, isShuffled);
      const peers = inJavaScript(data);
      const slow = { "DuckDB-WASM, data inside": load(data), Arquero: arquero(data) };
      // Where its memory grows afterwards, arrays there come to nothing: so it has all that it needs first.
      ours(data);
      const there = await inside(data, heap());
      const expected = slow["DuckDB-WASM, data inside"]();
      for (const answer of [ours(data), ours(there.columns)])
        assert.deepEqual(
          Object.values(answer).map((column) => Array.from(column)),
          rowsOf(expected),
        );
      for (const way of [...Object.values(peers), slow.Arquero]) assert.deepEqual(way(), expected);

      const rounds = count > 500_000 ? 25 : 75;
      const times = await measure<Record<string, () => unknown>>({ ours: () => ours(data), ...peers }, rounds);
      const fastest = Object.keys(peers).reduce((one, other) => (times[one]! < times[other]! ? one : other));
      figures.push(figure(`JavaScript: ${fastest}`, times.ours!, times[fastest]!));
      for (const [name, time] of Object.entries(await measure(slow, 5))) figures.push(figure(name, times.ours!, time));
      const { bare, own, mark } = await measure(
        { bare: there.sum, own: () => ours(there.columns), mark: there.mark },
        25,
      );
      assert.equal(there.columns.users.length, count, "memory has grown meanwhile");
      figures.push(figure("data inside; a bare sum of it", own!, bare!));
      // What bounds it: neither can be done without, and what is not copied yet can't be marked.
      const { copy } = await measure({ copy: copying(data) }, 25);
      figures.push(figure("the copy alone", times.ours!, copy!));
      figures.push(figure("a mark for each commit's user alone", times.ours!, mark!));
    }
  return figures;
}
