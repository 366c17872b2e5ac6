// The proxy in workerd, before an upstream that behaves.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { root } from "../../scripts/lib.ts";
import { METRICS } from "../conformance.ts";
import { start } from "./harness.ts";
import { startUpstream, type Options } from "./upstream.ts";

const dump = join(root, "tests/corpus/dump");
const TEAMS = "/v3/customer/core/teams/";
const SECRET = { CACHE_SECRET: "a secret of the tests" };

async function proxy(context: TestContext, vars: Record<string, string>, options: Options = {}, objects = true) {
  const upstream = await startUpstream({ dump, ...options });
  context.after(() => upstream.close());
  const worker = await start({ vars: { UPSTREAM: upstream.url, ...vars }, objects });
  context.after(() => worker.close());
  const ask = async (path: string, key = "one", init: { method?: string; headers?: Record<string, string> } = {}) => {
    const headers = { authorization: `Bearer ${key}`, ...init.headers };
    const response = await fetch(new URL(path, worker.url), { redirect: "manual", ...init, headers });
    const body = await response.text();
    return { status: response.status, headers: response.headers, body, cache: response.headers.get("cache-status") };
  };
  return { upstream, worker, ask };
}

test("an answer is kept for the key that asked", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  const path = `${TEAMS}?limit=2`;
  const first = await ask(path);
  assert.equal(first.status, 200);
  assert.match(first.cache ?? "", /^streamgage; fwd=uri-miss; fwd-status=200; ttl=\d+; stored$/);
  const second = await ask(path);
  assert.match(second.cache ?? "", /^streamgage; hit; ttl=5\d$/);
  assert.equal(second.body, first.body);
  assert.equal(upstream.requests.length, 1);
  await ask(path, "two");
  assert.equal(upstream.requests.length, 2);
});
