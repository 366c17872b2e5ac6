// The Worker as a proxy before an upstream for tests.
import { join } from "node:path";
import type { TestContext } from "node:test";
import { root } from "../../scripts/lib.ts";
import { start } from "./harness.ts";
import { startUpstream, type Options } from "./upstream.ts";

const dump = join(root, "tests/corpus/dump");
export const TEAMS = "/v3/customer/core/teams/";

// wrangler's harness fetches for workerd in this process, and would follow redirects on the way; workerd does not.
const { fetch: plain } = globalThis;
globalThis.fetch = (input, init) => {
  if (init === undefined || !("url" in init)) return plain(input, init);
  const { method, headers } = init as Request;
  return plain(input, { method, headers: [...headers], redirect: "manual" });
};

/** Starts both; with `objects` false there are no Durable Objects. */
export async function proxy(context: TestContext, vars: Record<string, string>, options: Options = {}, objects = true) {
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
