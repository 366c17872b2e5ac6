// Weekly rows from commits in typed arrays: the npm package, compared with JavaScript, DuckDB-WASM and Arquero. All must
// return the same numbers.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as arrow from "apache-arrow";
import { op, table as arqueroTable } from "arquero";
import { commits, FIRST, RANGE, rowsOf, TODAY, USERS, type Commits, type Weeks } from "./generated-commits.ts";
import { figure, heading, measure, type Figure } from "./measure.ts";
import { loadPackage, thisCheckout, unwrap } from "./checkout.ts";
import { buildBrowser } from "../build-browser.ts";
import { inJavaScript } from "./javascript-columns.ts";

/** The fastest query of several variants. It counts users and days after a first grouping. */
const SQL = `
  SELECT ${FIRST} + 7 * w AS monday, count(DISTINCT u), sum(d), sum(n), sum(h), sum(c), sum(i) FROM (
    SELECT (d - ${FIRST}) // 7 AS w, u, count(DISTINCT d) AS d, count(*) AS n, sum(h) AS h, sum(c) AS c, sum(i) AS i
    FROM commits GROUP BY ALL
  ) GROUP BY w ORDER BY w`;

/** Returns a function that loads commits into DuckDB-WASM and returns a query of them. */
async function openDuckDb(): Promise<(data: Commits) => () => Weeks> {
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

/** Measures and prints queries of typed arrays. */
export async function benchColumns(counts = [100_000, 1_000_000]): Promise<Figure[]> {
  await buildBrowser();
  const { metricsColumnsOf } = await loadPackage(thisCheckout);
  const ours = (data: Commits) => unwrap(metricsColumnsOf(data, RANGE, { today: TODAY }));
  const load = await openDuckDb();
  const figures: Figure[] = [];
  for (const count of counts)
    for (const isShuffled of [false, true]) {
      heading(
        `\ntyped arrays: ${count.toLocaleString("en")} commits, ${isShuffled ? "shuffled" : "in time order"}; milliseconds`,
      );
      const data = commits(count, isShuffled);
      const peers = inJavaScript(data);
      const slow = { "DuckDB-WASM, data loaded": load(data), Arquero: arquero(data) };
      const expected = slow["DuckDB-WASM, data loaded"]();
      assert.deepEqual(
        Object.values(ours(data)).map((column) => Array.from(column)),
        rowsOf(expected),
      );
      for (const peer of [...Object.values(peers), slow.Arquero]) assert.deepEqual(peer(), expected);

      const rounds = count > 500_000 ? 25 : 75;
      const times = await measure<string>({ ours: () => ours(data), ...peers }, rounds);
      const fastest = Object.keys(peers).reduce((one, other) => (times[one]! < times[other]! ? one : other));
      figures.push(figure(`JavaScript: ${fastest}`, times.ours!, times[fastest]!));
      for (const [name, time] of Object.entries(await measure(slow, 5))) figures.push(figure(name, times.ours!, time));
    }
  return figures;
}
