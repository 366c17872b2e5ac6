// The checkouts whose builds are measured: this one, and with `--against` another commit.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, run, stage } from "../lib.ts";
import { wrangler } from "../wrangler.ts";

export type Checkout = { name: string; folder: string };

export const thisCheckout: Checkout = { name: "this checkout", folder: root };

/** Checks out a commit below target/. */
export async function checkOut(commit: string): Promise<Checkout> {
  const id = await run("git", ["rev-parse", "--short", `${commit}^{commit}`], { capture: true });
  const name = id.trim();
  const folder = join(root, "target/against", name);
  // A worktree whose folder was deleted is still registered, therefore --force.
  if (!existsSync(folder)) await run("git", ["worktree", "add", "--quiet", "--force", "--detach", folder, name]);
  return { name, folder };
}

/** Builds the npm package, the page and the Worker with the checkout's own scripts. */
export const build = ({ name, folder }: Checkout): Promise<unknown> =>
  stage(`build ${name}`, () => run("node", ["scripts/bootstrap.mjs", "scripts/build.ts"], { cwd: folder }));

/** Bundles the built Worker as wrangler deploys it. Returns its modules, the entry first. */
export async function bundleWorker({ folder }: Checkout): Promise<string[]> {
  const bundle = join(folder, "target/bench/bundle");
  rmSync(bundle, { recursive: true, force: true });
  await wrangler(["deploy", "--dry-run", "--outdir", bundle], { cwd: folder, capture: true });
  const modules = readdirSync(bundle).filter((name) => /\.(js|wasm)$/.test(name));
  return modules
    .sort((a, b) => Number(a.endsWith(".wasm")) - Number(b.endsWith(".wasm")))
    .map((name) => join(bundle, name));
}

type Result<Value> = { ok: true; value: Value } | { ok: false; error: { message: string } };
export type MetricsResponse = {
  count: number;
  results: { period_start_date: string; active_days: number; total_impact: number }[];
};
export type Table = {
  add(resource: string, rows: string | Uint8Array | object[]): Result<unknown>;
  metrics(query: object, options: object): Result<MetricsResponse>;
  free(): void;
};

/** The parts of the npm package that are measured. */
export type Package = {
  metricsColumnsOf(commits: object, query: object, options: object): Result<Record<string, Float64Array>>;
  Table: new () => Table;
};

/** Loads the built npm package with its larger module, which is optimized for speed. */
export async function loadPackage({ folder }: Checkout): Promise<Package> {
  const dist = join(folder, "browser/dist");
  const { exports } = JSON.parse(readFileSync(join(dist, "package.json"), "utf8"));
  const streamgage = await import(pathToFileURL(join(dist, exports["./lists"].node.default)).href);
  await streamgage.default();
  return streamgage;
}

/** Returns the value of a result of the package, or throws its error. */
export function unwrap<Value>(result: Result<Value>): Value {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
