// Runs the Worker as a proxy with a test upstream.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { root } from "../../scripts/lib.ts";
import { start, type Options as WorkerOptions } from "./harness.ts";
import { startUpstream, type Options } from "./upstream.ts";

const dump = join(root, "tests/corpus/dump");
export const TEAMS = "/v3/customer/core/teams/";
export const SECRET = { CACHE_SECRET: "a secret of the tests" };

/** Returns the name of a key's partition. */
const partition = (upstream: string, key: string) =>
  createHmac("sha256", SECRET.CACHE_SECRET).update(`${upstream}\n${key}`).digest("hex");

// wrangler's harness sends workerd's requests from this process and would follow redirects, unlike workerd.
const { fetch: plain } = globalThis;
globalThis.fetch = (input, init) => {
  if (init === undefined || !("url" in init)) return plain(input, init);
  const { method, headers } = init as Request;
  return plain(input, { method, headers: [...headers], redirect: "manual" });
};

/** Starts the upstream and the Worker. */
export async function proxy(
  context: TestContext,
  vars: Record<string, string>,
  options: Options = {},
  more: Omit<WorkerOptions, "vars"> = {},
) {
  const upstream = await startUpstream({ dump, ...options });
  context.after(() => upstream.close());
  const worker = await start({ ...more, vars: { UPSTREAM: upstream.url, ...vars } });
  context.after(() => worker.close());
  const ask = async (path: string, key = "one", init: { method?: string; headers?: Record<string, string> } = {}) => {
    const headers = { authorization: `Bearer ${key}`, ...init.headers };
    const response = await fetch(new URL(path, worker.url), { redirect: "manual", ...init, headers });
    const body = await response.text();
    return { status: response.status, headers: response.headers, body, cache: response.headers.get("cache-status") };
  };
  /** Returns the storage of a key's partition, for [`SECRET`]. */
  const storage = (key = "one") =>
    worker.worker.getDurableObjectStorage("PARTITIONS", { name: partition(upstream.url, key) });
  /** Deletes responses of a key from the edge cache. Targets are canonical: their parameters are sorted. */
  const deleteFromEdgeCache = async (targets: string[], key = "one") => {
    const [row] = await (await storage(key)).exec<{ text: string }>("SELECT text FROM shelf WHERE kind = 'record'");
    // `PartitionState` as JSON.
    const { generation } = JSON.parse(row?.text ?? "") as { generation: number };
    const address = (target: string) =>
      `https://cache.invalid/${partition(upstream.url, key)}/${generation}/${createHash("sha256").update(target).digest("hex")}`;
    const removed = await worker.deleteFromEdgeCache(targets.map(address));
    assert.ok(removed.every(Boolean), "all was there");
  };
  const evict = (key = "one") => worker.worker.evictDurableObject("PARTITIONS", { name: partition(upstream.url, key) });
  return { upstream, worker, ask, storage, deleteFromEdgeCache, evict };
}
