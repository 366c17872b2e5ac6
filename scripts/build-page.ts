// Builds the dashboard and the API documentation into www/dist. Requires browser/dist.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageStamp } from "./build-browser.ts";
import { buildFolder, fingerprint, main, root, run, sha256, rebuildIfChanged } from "./lib.ts";

export const openapiFile = join(root, "target/openapi.json");

/** Writes the OpenAPI document to `openapiFile` and returns it. */
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
  const dist = join(root, "www/dist");
  // The stamp is outside of dist, because files in dist are served.
  await rebuildIfChanged(join(dist, "index.html"), join(root, "target/page.built-from"), state, () =>
    buildFolder(dist, async (folder) => {
      await run("vite", ["build", "www", "--logLevel", "warn", "--emptyOutDir", "--outDir", folder]);
    }),
  );
}

if (import.meta.main) await main(buildPage);
