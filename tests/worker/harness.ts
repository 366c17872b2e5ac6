// Runs the Worker in workerd with its own D1 database.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createTestHarness, unstable_readConfig } from "wrangler";
import { root } from "../../scripts/lib.ts";
import { quiet } from "../../scripts/wrangler.ts";

Object.assign(process.env, quiet);

/** The part of D1's API that the tests use. Cloudflare's types are not a dependency. */
type Statement = {
  bind(...values: unknown[]): Statement;
  run(): Promise<{ results: Record<string, unknown>[]; meta: { rows_read: number; size_after: number } }>;
};
type Database = { prepare(sql: string): Statement };

export type Options = {
  vars?: Record<string, string>;
  limits?: Record<string, number>;
  /** Binds Durable Objects (default true). */
  objects?: boolean;
  /** The path of an entry other than the Worker's own, from the root. */
  entry?: string;
  /** SQL statements that fill the database before the migrations. */
  database?: string;
};

/** Starts the Worker with the configuration of wrangler.jsonc, except for the given options. */
export async function start({ vars = {}, limits = {}, objects = true, entry, database }: Options = {}) {
  const config = unstable_readConfig({ config: join(root, "wrangler.jsonc") });
  const { name, main, compatibility_date, d1_databases, assets, observability, migrations } = config;
  const limited = config.ratelimits as { name: string; simple: { limit: number } }[];
  const ratelimits = limited.map((limit) => ({
    ...limit,
    simple: { ...limit.simple, limit: limits[limit.name] ?? limit.simple.limit },
  }));
  const durable_objects = objects ? config.durable_objects : undefined;
  const inline = {
    name,
    main: entry ?? main,
    compatibility_date,
    d1_databases,
    durable_objects,
    migrations,
    assets,
    observability,
    ratelimits,
    vars,
  };
  const forget = { name: "forget", main: "tests/worker/fixtures/forget.js", compatibility_date };
  const workers = [{ config: inline }, { config: forget }];
  const server = createTestHarness({ root, workers });
  const { url } = await server.listen();
  const worker = server.getWorker<{ DB: Database }>(name);
  const { DB } = await worker.getEnv();
  for (const statement of database?.split(/;\n/).filter(Boolean) ?? []) await DB.prepare(statement).bind().run();
  await worker.applyD1Migrations("DB");
  const sql = async (text: string, ...values: unknown[]) =>
    DB.prepare(text)
      .bind(...values)
      .run();

  /** Creates a key. Permissions are separated by spaces, and times are in seconds. */
  const key = async (permissions: string, expires: number | null = null, revoked: number | null = null) => {
    const made = `sg_${crypto.randomUUID()}`;
    const hash = createHash("sha256").update(made).digest("hex");
    const columns = "(hash, name, permissions, created_at, expires_at, revoked_at)";
    await sql(`INSERT INTO api_key ${columns} VALUES (?, 'test', ?, 0, ?, ?)`, hash, permissions, expires, revoked);
    return made;
  };

  const owner = await key("metrics core import");
  /** Sends a request with the owner's key, unless the headers contain another. */
  const ask = (path: string, init: { method?: string; headers?: Record<string, string>; body?: string } = {}) =>
    fetch(new URL(path, url), {
      redirect: "manual",
      ...init,
      headers: { authorization: `Bearer ${owner}`, ...init.headers },
    });
  /** Imports rows, or a literal body. */
  const load = async (resource: string, rows: object[] | string) => {
    const body = typeof rows === "string" ? rows : rows.map((row) => JSON.stringify(row)).join("\n");
    const response = await ask(`/import/${resource}`, { method: "POST", body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  /** Deletes URLs from the Cache API and reports which of them existed. */
  const deleteFromEdgeCache = async (addresses: string[]) => {
    const init = { method: "POST", body: JSON.stringify(addresses) };
    const response = await server.getWorker("forget").fetch("http://forget.example/", init);
    return (await response.json()) as boolean[];
  };
  return { url, server, worker, deleteFromEdgeCache, sql, key, ask, load, close: () => server.close() };
}

export type Worker = Awaited<ReturnType<typeof start>>;

const RESOURCES = ["tags", "repos", "teams", "users", "team_membership", "user_alias", "commits"];

/** Imports a dump in requests of at most 1,000 rows, like `streamgage push`. Returns the number of requests. */
export async function loadDump(worker: Worker, dump: string): Promise<number> {
  let requests = 0;
  for (const resource of RESOURCES) {
    const file = join(dump, `${resource}.ndjson`);
    if (!existsSync(file)) continue;
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    while (lines.length > 0) {
      const { status, body } = await worker.load(resource, lines.splice(0, 1000).join("\n"));
      if (status !== 200) throw new Error(`${resource}: ${status} ${JSON.stringify(body)}`);
      requests += 1;
    }
  }
  return requests;
}
