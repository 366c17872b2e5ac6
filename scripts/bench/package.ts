// The npm package as it is published, with its larger module, which is built for speed.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildBrowser, dist } from "../build-browser.ts";

type Outcome<Value> = { ok: true; value: Value } | { ok: false; error: { message: string } };

/** What benches use of it. */
export type Package = {
  metricsColumnsOf(commits: object, range: object, asked: object): Outcome<Record<string, Float64Array>>;
  Table: new () => {
    add(resource: string, rows: string | Uint8Array | object[]): Outcome<unknown>;
    metrics(
      query: object,
      asked: object,
    ): Outcome<{ count: number; results: { period_start_date: string; active_days: number; total_impact: number }[] }>;
    free(): void;
  };
  /** Wasm's memory, which the package keeps to itself. */
  heap(): WebAssembly.Memory;
};

export async function builtPackage(): Promise<Package> {
  await buildBrowser();
  const module = (name: string) => import(pathToFileURL(join(dist, name)).href);
  const entry = await module("lists-node.js");
  const { heap } = await module("wasm.js");
  await entry.default();
  return { ...entry, heap };
}
