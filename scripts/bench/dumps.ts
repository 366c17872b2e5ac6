// Deterministic dumps of any size for benchmarks.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run, sha256, rebuildIfChanged } from "../lib.ts";

/** Returns the sample next to the repository or, if that does not exist, generated demo data. */
export async function sampleDump(): Promise<string> {
  const shared = join(root, "../shared/data/sample");
  if (existsSync(shared)) return shared;
  const demo = join(root, "target/bench/demo");
  const program = join(root, "target/release/streamgage");
  await run("cargo", ["build", "--release", "--bin", "streamgage"]);
  await run(program, ["demo", "--out", demo, "--users", "500", "--until", "2026-09-01"], { capture: true });
  return demo;
}

/** The resources of a dump other than commits. */
export const OTHERS = ["users", "teams", "team_membership", "repos", "tags", "user_alias"];

/**
 * Creates a dump with `count` commits by repeating the commits of another dump with new ids and earlier dates. Copies the
 * other resources that are named.
 */
export async function enlarged(dump: string, count: number, others: string[]): Promise<string> {
  const folder = join(root, `target/bench/${count}${others.length > 0 ? "-with-others" : ""}`);
  await rebuildIfChanged(join(folder, "commits.ndjson"), join(folder, ".source"), sha256(dump), async () => {
    mkdirSync(folder, { recursive: true });
    const file = (folder: string, resource: string) => join(folder, `${resource}.ndjson`);
    for (const resource of others)
      if (existsSync(file(dump, resource))) copyFileSync(file(dump, resource), file(folder, resource));
    const rows = readFileSync(file(dump, "commits"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const earlier = (date: string, days: number) =>
      new Date(Date.parse(`${date}Z`) - days * 86_400_000).toJSON().slice(0, date.length);
    writeFileSync(file(folder, "commits"), "");
    for (let written = 0, copy = 0; written < count; copy += 1) {
      const some = rows.slice(0, count - written).map((row) => ({
        ...row,
        id: row.id + copy * 100_000,
        ignore_hash: row.ignore_hash && `${row.ignore_hash}-${copy}`,
        author_date: earlier(row.author_date, copy),
        author_local_date: earlier(row.author_local_date, copy),
      }));
      const text = some.map((row) => `${JSON.stringify(row)}\n`).join("");
      writeFileSync(file(folder, "commits"), text, { flag: "a" });
      written += some.length;
    }
  });
  return folder;
}
