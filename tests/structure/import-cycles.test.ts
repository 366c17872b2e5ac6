// Files of a crate, and TypeScript files, must not depend on each other in cycles.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { cycles, files, read } from "./files.ts";
import { rustDependencies } from "./rust-imports.ts";

test("the cycle search finds a cycle", () => {
  const dependencies = { a: ["b"], b: ["c", "d"], c: ["a"], d: [] };
  const edges = new Map(Object.entries(dependencies).map(([file, targets]) => [file, new Set(targets)]));
  assert.deepEqual(cycles(edges), [["a → b", "b → c", "c → a"]]);
});

test("Rust files have no import cycles", () => {
  const dependencies = rustDependencies();
  const edges = [...dependencies.values()].reduce((sum, { size }) => sum + size, 0);
  assert.ok(edges > dependencies.size, "imports are recognized");
  assert.deepEqual(cycles(dependencies), []);
});

test("TypeScript files have no import cycles", () => {
  const sources = files("*.ts", "*.mjs", "*.js");
  const dependencies = new Map(
    sources.map((file) => {
      const imports = [...read(file).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path = ""]) => {
        const target = join(dirname(file), path);
        return [target, `${target}.ts`, target.replace(/\.js$/, ".ts")].find((each) => sources.includes(each));
      });
      return [file, new Set(imports.filter((target) => target !== undefined))];
    }),
  );
  assert.ok(
    [...dependencies.values()].some(({ size }) => size > 0),
    "imports are recognized",
  );
  assert.deepEqual(cycles(dependencies), []);
});
