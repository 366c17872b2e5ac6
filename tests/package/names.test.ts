// The names that the package exports do not hide names of the DOM.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../conformance.ts";

const dist = join(root, "browser/dist");

/** Returns the names that a file of declarations exports. */
function exportsOf(file: string): string[] {
  const text = readFileSync(join(dist, file), "utf8");
  const all = [...text.matchAll(/^export (?:type )?\* from "(.+)\.(?:js|ts)"/gm)];
  const lists = [...text.matchAll(/^export (?:type )?\{(.*?)\}/gms)].flatMap(([, list = ""]) => list.split(","));
  const declared = [...text.matchAll(/^export (?:declare )?(?:interface|type|class|function|const) (\w+)/gm)];
  return [
    ...all.flatMap(([, path]) => exportsOf(`${path}.d.ts`)),
    ...lists.map((name) => name.trim().split(" as ").at(-1) ?? ""),
    ...declared.map(([, name = ""]) => name),
  ];
}

test("no exported name is one of the DOM", () => {
  const [library = ""] = globSync("node_modules/@typescript/*/lib/lib.dom.d.ts", { cwd: root });
  const declarations = readFileSync(join(root, library), "utf8");
  const names = new Set(
    [...declarations.matchAll(/^(?:interface|type|declare (?:var|function)) (\w+)/gm)].map(([, name]) => name),
  );
  assert.ok(names.has("Range") && names.has("Request"));
  const exported = ["streamgage.d.ts", "lists.d.ts", "slim.d.ts", "worker.d.ts"].flatMap(exportsOf);
  for (const name of ["Table", "Commit", "validateMetrics", "connect", "serve"])
    assert.ok(exported.includes(name), name);
  assert.deepEqual(
    exported.filter((name) => names.has(name)),
    [],
  );
});
