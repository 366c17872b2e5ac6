// The recipes and the table in the documents of the package are those of tests/consumers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../conformance.ts";
import { codeBlocks } from "../consumers/code-blocks.ts";
import { consumers } from "../consumers/consumers.ts";

const read = (file: string): string => readFileSync(join(root, file), "utf8");

test("the recipes in the README are files that npm run consumers runs", () => {
  const recipes = codeBlocks(read("browser/README.md")).filter(({ file }) => file !== undefined);
  assert.ok(recipes.length > 0);
  for (const { file = "", code } of recipes) {
    assert.equal(code, read(file), file);
    const folder = file.split("/")[2];
    assert.ok(
      consumers.some((consumer) => consumer.folder === folder),
      file,
    );
  }
});

for (const document of ["browser/README.md", "docs/browser.md"])
  test(`${document}: the table has the tools and versions of npm run consumers`, () => {
    const [, table = ""] = /^\| tool .*\n\|.*\n((?:\|.*\n)+)/m.exec(read(document)) ?? [];
    const rows = table.trim().split("\n");
    const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
    assert.deepEqual(
      cells.map(([, name, , tested]) => [name, tested]),
      consumers.map(({ name, tested }) => [name, tested]),
    );
    for (const [index, { versions }] of consumers.entries()) {
      const pinned = versions.map(({ version }) => version).join(", ");
      // The browsers are those of the system.
      if (pinned === "") assert.match(cells[index]?.[2] ?? "", /^[\d.]+$/);
      else assert.equal(cells[index]?.[2], pinned);
    }
  });
