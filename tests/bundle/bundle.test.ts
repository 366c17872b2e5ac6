// What is deployed: no larger than it was, and nothing of the laboratory in it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MAX_BUNDLE, bundle, bundleFolder, gzipped } from "../../scripts/bundle.ts";
import { root } from "../../scripts/lib.ts";

const modules = await bundle();

test("the bundle has not grown", () => {
  const size = gzipped(modules);
  console.log(`bundle: ${size} bytes gzipped`);
  assert.ok(size <= MAX_BUNDLE, `${size} bytes gzipped, more than ${MAX_BUNDLE}`);
});

test("a deployment has nothing of the laboratory", () => {
  // The address that all its keys begin with is in whatever is built of it.
  const mark = "lab.invalid";
  assert.ok(readFileSync(join(root, "worker/lab/src/lib.rs"), "utf8").includes(mark));
  for (const name of modules) assert.ok(!readFileSync(join(bundleFolder, name)).includes(mark), name);
  for (const name of ["entry.js", "wrangler.jsonc", "Cargo.toml"])
    assert.doesNotMatch(readFileSync(join(root, "worker", name), "utf8"), /\blab\b/, name);
});
