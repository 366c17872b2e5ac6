// npm run key with its own local database.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createKey, listKeys, revokeKey } from "../../scripts/key.ts";
import { wrangler } from "../../scripts/wrangler.ts";

test("keys are made, listed and revoked", async (context) => {
  const state = mkdtempSync(join(tmpdir(), "streamgage-keys-"));
  context.after(() => rmSync(state, { recursive: true }));
  const d1 = ["--local", "--persist-to", state];
  await wrangler(["d1", "migrations", "apply", "DB", ...d1], { capture: true });

  const key = await createKey({ name: "Zoë's", permissions: ["metrics"], d1 }).catch((error: Error) => error.message);
  assert.equal(key, "the name must have 1 to 100 letters, digits, spaces or . _ @ -");
  await assert.rejects(createKey({ name: "a", permissions: ["root"], d1 }), /metrics, core, import/);
  await assert.rejects(createKey({ name: "a", permissions: [], d1 }), /metrics, core, import/);
  await assert.rejects(createKey({ name: "a", permissions: ["core"], days: 0.5, d1 }), /whole number/);
  const scopes = { teams: "1,2,x" };
  await assert.rejects(createKey({ name: "a", permissions: ["core"], scopes, d1 }), /--teams needs ids/);
  await assert.rejects(revokeKey("1 OR 1", d1), /needs the id/);

  const made = await createKey({
    name: "Zoë",
    permissions: ["metrics", "core", "purge"],
    scopes: { teams: "1,2", repos: "7" },
    days: 30,
    d1,
  });
  assert.match(made, /^sg_[A-Za-z0-9_-]{43}$/);
  await revokeKey("1", d1);
  const [row, ...others] = await listKeys(d1);
  assert.deepEqual(others, []);
  const { created, expires, ...rest } = row ?? assert.fail();
  assert.deepEqual(rest, {
    id: 1,
    name: "Zoë",
    permissions: "metrics core purge",
    scopes: '{"teams":[1,2],"repos":[7]}',
    state: "revoked",
  });
  assert.equal(Date.parse(`${expires}Z`) - Date.parse(`${created}Z`), 30 * 86_400_000);
  assert.doesNotMatch(JSON.stringify(row), /sg_|[0-9a-f]{64}/);
});
