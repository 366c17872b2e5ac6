// Builds the Worker for release and bundles it with wrangler, into target/bundle.
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildWorker } from "./build-worker.ts";
import { root } from "./lib.ts";
import { wrangler } from "./wrangler.ts";

/** The most bytes that the modules of the bundle may take together, gzipped. */
export const MAX_BUNDLE = 400_000;

export const bundleFolder = join(root, "target/bundle");

/** Returns the names of the bundle's modules, the entry first. */
export async function bundle(): Promise<string[]> {
  await buildWorker(true);
  rmSync(bundleFolder, { recursive: true, force: true });
  mkdirSync(join(root, "www/dist"), { recursive: true });
  await wrangler(["deploy", "--dry-run", "--outdir", bundleFolder], { capture: true });
  const modules = readdirSync(bundleFolder).filter((name) => /\.(js|wasm)$/.test(name));
  return modules.sort((a, b) => Number(b === "entry.js") - Number(a === "entry.js"));
}

export const gzipped = (modules: string[]): number =>
  gzipSync(Buffer.concat(modules.map((name) => readFileSync(join(bundleFolder, name)))), { level: 9 }).length;
