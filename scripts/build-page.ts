// The page and the documentation of the API, into www/dist. It needs browser/dist.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageStamp } from "./build-browser.ts";
import { fingerprint, main, root, run, sha256, rebuildIfChanged } from "./lib.ts";

export const openapiFile = join(root, "target/openapi.json");

/** The OpenAPI document, into `openapiFile`. */
export async function buildOpenapi(): Promise<string> {
  const printing = ["run", "--quiet", "--package", "streamgage-openapi"];
  const openapi = await run("cargo", printing, { capture: true });
  mkdirSync(join(root, "target"), { recursive: true });
  writeFileSync(openapiFile, openapi);
  return openapi;
}

export async function buildPage(): Promise<void> {
  const openapi = await buildOpenapi();
  const state = sha256(await fingerprint("www", "package-lock.json"), openapi, readFileSync(packageStamp));
  // The stamp lies elsewhere, because what lies in dist is served.
  await rebuildIfChanged(join(root, "www/dist/index.html"), join(root, "target/page.built-from"), state, async () => {
    await run("vite", ["build", "www", "--logLevel", "warn", "--emptyOutDir"]);
  });
}

if (import.meta.main) await main(buildPage);
