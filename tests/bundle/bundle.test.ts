// The deployed bundle.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { MAX_BUNDLE, bundle, gzipped } from "../../scripts/bundle.ts";
import { root } from "../../scripts/lib.ts";
import { METRICS } from "../conformance.ts";
import { start } from "../worker/harness.ts";

const modules = await bundle();

test("the bundle is within its size limit", () => {
  const size = gzipped(modules);
  console.log(`bundle: ${size} bytes gzipped`);
  assert.ok(size <= MAX_BUNDLE, `${size} bytes gzipped, more than ${MAX_BUNDLE}`);
});

test("the release build responds", async (context) => {
  const worker = await start({ vars: { TODAY: "2026-09-01" } });
  context.after(() => worker.close());
  assert.equal((await worker.ask("/healthz")).status, 200);
  assert.equal((await worker.ask(METRICS, { headers: { authorization: "Bearer nope" } })).status, 401);
  const imported = await worker.ask("/import/users", { method: "POST", body: '{"id":1,"name":"a"}\n{"id":"b"}' });
  assert.deepEqual(
    [imported.status, await imported.json()],
    [400, { line: 2, field: "id", error: "must be a whole number of at most 2^53 - 1" }],
  );
  assert.equal((await worker.ask(`${METRICS}?start_date=2026-08-01&resolution=week`)).status, 200);
});

test("the Deploy button describes all bindings and presets no secret", () => {
  const read = (name: string) => readFileSync(join(root, name), "utf8");
  const lines = read(".dev.vars.example").split("\n");
  const secrets = lines.filter((line) => line !== "" && !line.startsWith("#"));
  assert.deepEqual(secrets, ["CACHE_SECRET="]);
  const { cloudflare, scripts } = JSON.parse(read("package.json"));
  const { vars, d1_databases, durable_objects } = unstable_readConfig({ config: join(root, "wrangler.jsonc") });
  assert.ok(Object.values(vars).every((value) => value === ""));
  const bindings: { binding?: string; name?: string }[] = [...d1_databases, ...durable_objects.bindings];
  const bound = bindings.map(({ binding, name }) => binding ?? name);
  assert.deepEqual(Object.keys(cloudflare.bindings).sort(), [...bound, ...Object.keys(vars), "CACHE_SECRET"].sort());
  for (const name of ["build", "deploy"]) assert.ok(scripts[name]);
});
