// Links, commands and paths in the documents must exist.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { steps } from "../../scripts/test.ts";
import { root } from "../conformance.ts";
import { files, read } from "./files.ts";

const documents = files("*.md").filter((file) => !file.startsWith("tests/"));
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** Returns the anchors that GitHub generates for the headings of a document. */
const anchors = (document: string): string[] =>
  [...read(document).matchAll(/^#+ +(.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );

const isIgnored = (path: string): boolean =>
  spawnSync("git", ["check-ignore", "--no-index", path, `${path}/`], { cwd: root }).status === 0;

for (const document of documents) {
  const text = read(document);

  test(`${document}: relative links exist`, () => {
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? document : join(dirname(document), path);
      assert.ok(existsSync(join(root, target)), link);
      if (anchor && target.endsWith(".md")) assert.ok(anchors(target).includes(anchor), link);
    }
  });

  test(`${document}: npm scripts and test steps exist`, () => {
    for (const [, script = ""] of text.matchAll(/npm run ([\w-]+)/g)) assert.ok(script in scripts, `npm run ${script}`);
    for (const [, names = ""] of text.matchAll(/npm test -- ([a-z-]+(?: [a-z-]+)*)(?![\w/-])/g))
      for (const name of names.split(" ")) assert.ok(name in steps, `npm test -- ${name}`);
    for (const [, file = ""] of text.matchAll(/npm test -- (tests\/\S+)/g))
      assert.ok(existsSync(join(root, file)), file);
  });

  test(`${document}: paths exist`, () => {
    const folders = new Set(files().flatMap((file) => (file.includes("/") ? [file.split("/")[0]] : [])));
    for (const [, path = ""] of text.matchAll(/`([\w.*-]+(?:\/[\w.*-]+)*\/?)`/g)) {
      if (!path.includes("/") || !folders.has(path.split("/")[0] ?? "")) continue;
      const exists = globSync(path, { cwd: root }).length > 0 || isIgnored(path);
      assert.ok(exists, path);
    }
  });
}
