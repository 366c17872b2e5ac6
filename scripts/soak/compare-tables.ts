// Compares the tables that imports maintain with the rows of a local D1 database.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { filesIn, root, UserError } from "../lib.ts";

/** The maintained tables, and the queries of their calculated contents. */
const TABLES = {
  rollup: "SELECT * FROM calculated_rollup",
  row_count: "SELECT * FROM calculated_row_count UNION ALL SELECT * FROM calculated_generic_row_count",
  commit_count: "SELECT * FROM calculated_commit_count",
  day_count: "SELECT * FROM calculated_day_count",
  new_work_count: "SELECT * FROM calculated_new_work_count",
};

/** Returns a description of each table that differs from the rows. The folder contains one database, which nobody uses. */
export function compareTables(folder: string): string[] {
  const files = filesIn(folder).filter((name) => /miniflare-D1DatabaseObject\/[0-9a-f]{64}\.sqlite$/.test(name));
  const [file] = files;
  if (file === undefined || files.length > 1) throw new UserError(`${files.length} databases in ${folder}`);
  // The server may still be closing it.
  const database = new DatabaseSync(join(folder, file), { timeout: 30_000 });
  try {
    database.exec(readFileSync(join(root, "edge/tests/store/calculated_tables.sql"), "utf8"));
    const query = (sql: string) => database.prepare(sql).all() as Record<string, unknown>[];
    const problems: string[] = [];
    for (const [table, calculated] of Object.entries(TABLES)) {
      const columns = query(`SELECT name FROM pragma_table_info('calculated_${table}')`).map(({ name }) => name);
      const counted = columns.includes("count") ? " WHERE count <> 0" : "";
      const maintained = `SELECT ${columns.join(", ")} FROM ${table}${counted}`;
      const missing = query(`SELECT * FROM (${calculated}) EXCEPT ${maintained}`);
      const wrong = query(`${maintained} EXCEPT SELECT * FROM (${calculated})`);
      console.log(`${table}: ${query(maintained).length} rows, ${missing.length + wrong.length} differences`);
      if (missing.length + wrong.length > 0)
        problems.push(`${table}: expected ${JSON.stringify(missing[0])}, found ${JSON.stringify(wrong[0])}`);
    }
    return problems;
  } finally {
    database.close();
  }
}
