// npm run key: manages the API keys in the Worker's database. Only the hash of a key is stored.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UserError, main } from "./lib.ts";
import { protectState, stateFolder } from "./state.ts";
import { wrangler } from "./wrangler.ts";

const usage = `npm run key -- create NAME [--permissions metrics,core] [--teams 1,2] [--repos 7] [--days N] [--remote]
npm run key -- list [--remote]
npm run key -- revoke ID [--remote]
  --permissions LIST  any of metrics, core, import and purge (default metrics,core)
  --teams, --repos    in proxy mode: the only team and repository ids that the key may read; otherwise such a key has no access
  --days N            the key expires after N days
  --remote            use the deployed database instead of the local one of the last \`npm start\`
  --persist-to DIR    use another local database`;

const PERMISSIONS = ["metrics", "core", "import", "purge"];

type NewKey = {
  /** A label in the list of keys: letters, digits, spaces and . _ @ - */
  name: string;
  permissions: string[];
  /** In proxy mode, the ids that the key may read, comma-separated. Without scopes the key may read everything. */
  scopes?: { teams?: string; repos?: string };
  /** Replaces the random key. */
  key?: string;
  days?: number;
  /** wrangler's arguments that select the database. */
  d1: string[];
};

/** Creates and returns a key. An existing key is reactivated with the new permissions. */
export async function createKey({ name, permissions, scopes = {}, key, days, d1 }: NewKey): Promise<string> {
  if (!/^[\p{L}\p{N} ._@-]{1,100}$/u.test(name))
    throw new UserError("the name must have 1 to 100 letters, digits, spaces or . _ @ -");
  const unknown = permissions.find((permission) => !PERMISSIONS.includes(permission));
  if (unknown !== undefined || permissions.length === 0)
    throw new UserError(`permissions must be one or more of ${PERMISSIONS.join(", ")}`);
  const bad = Object.entries(scopes).find(([, ids]) => ids !== undefined && !/^\d{1,15}(,\d{1,15})*$/.test(ids));
  if (bad) throw new UserError(`--${bad[0]} needs ids separated by commas`);
  if (days !== undefined && !(Number.isInteger(days) && days > 0 && days <= 36_500))
    throw new UserError("--days must be a whole number from 1 to 36500");
  const token = key ?? `sg_${randomBytes(32).toString("base64url")}`;
  const hash = createHash("sha256").update(token).digest("hex");
  const expires = days === undefined ? "NULL" : `unixepoch() + ${days * 86_400}`;
  const members = Object.entries(scopes).flatMap(([name, ids]) =>
    ids === undefined ? [] : `"${name}":[${ids.split(",").map(Number)}]`,
  );
  const scope = members.length === 0 ? "NULL" : `'{${members.join()}}'`;
  // All values are validated above and need no escaping.
  await execute(
    `INSERT INTO api_key (hash, name, permissions, scopes, created_at, expires_at)
     VALUES ('${hash}', '${name}', '${permissions.join(" ")}', ${scope}, unixepoch(), ${expires})
     ON CONFLICT (hash) DO UPDATE SET name = excluded.name, permissions = excluded.permissions,
       scopes = excluded.scopes, expires_at = excluded.expires_at, revoked_at = NULL`,
    d1,
  );
  return token;
}

type Row = {
  id: number;
  name: string;
  permissions: string;
  scopes: string | null;
  created: string;
  expires: string | null;
  state: string;
};

export async function listKeys(d1: string[]): Promise<Row[]> {
  return execute<Row>(
    `SELECT id, name, permissions, scopes, datetime(created_at, 'unixepoch') AS created,
       datetime(expires_at, 'unixepoch') AS expires,
       CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= unixepoch() THEN 'expired' ELSE 'good' END AS state
     FROM api_key ORDER BY id`,
    d1,
  );
}

/** Revokes a key. Revoking it again does not change the time. */
export async function revokeKey(id: string, d1: string[]): Promise<void> {
  if (!/^\d{1,15}$/.test(id)) throw new UserError("revoke needs the id of a key from `list`");
  const revoked = await execute<{ id: number }>(
    `UPDATE api_key SET revoked_at = coalesce(revoked_at, unixepoch()) WHERE id = ${id} RETURNING id`,
    d1,
  );
  if (revoked.length === 0) throw new UserError(`key ${id} does not exist`);
}

async function execute<T>(sql: string, d1: string[]): Promise<T[]> {
  // Other users of this machine can see command lines: they could guess a weak key from its hash. The deployed database
  // takes files without returning rows, and only random keys.
  const folder = mkdtempSync(join(tmpdir(), "streamgage-key-"));
  try {
    const file = join(folder, "statement.sql");
    writeFileSync(file, sql, { mode: 0o600 });
    const statement = d1.includes("--local") ? ["--file", file] : ["--command", sql];
    const output = await wrangler(["d1", "execute", "DB", ...d1, "--json", "--yes", ...statement], { capture: true });
    const [first] = JSON.parse(output) as { results: T[] }[];
    return first?.results ?? [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function command(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      permissions: { type: "string", default: "metrics,core" },
      teams: { type: "string" },
      repos: { type: "string" },
      days: { type: "string" },
      remote: { type: "boolean", default: false },
      "persist-to": { type: "string" },
    },
  });
  if (values.help) return console.log(usage);
  const [action, argument, ...others] = positionals;
  const local = values["persist-to"] ?? join(stateFolder, "current");
  if (!values.remote && !existsSync(local))
    throw new UserError(`there is no local database in ${local}; npm start creates it`);
  if (!values.remote && values["persist-to"] === undefined) protectState();
  const d1 = values.remote ? ["--remote"] : ["--local", "--persist-to", local];
  if (action === "create" && argument !== undefined && others.length === 0) {
    const permissions = values.permissions.split(",");
    const days = values.days === undefined ? undefined : Number(values.days);
    const { teams, repos } = values;
    console.log(await createKey({ name: argument, permissions, scopes: { teams, repos }, days, d1 }));
    console.error("The key is shown only once. Store it now.");
  } else if (action === "list" && argument === undefined) {
    console.table(await listKeys(d1));
  } else if (action === "revoke" && argument !== undefined && others.length === 0) {
    await revokeKey(argument, d1);
    console.log(`key ${argument} is revoked`);
  } else {
    throw new UserError(usage);
  }
}

if (import.meta.main)
  await main(() =>
    command().catch((error: unknown) => {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      throw code.startsWith("ERR_PARSE_ARGS") ? new UserError(`${(error as Error).message}\n${usage}`) : error;
    }),
  );
