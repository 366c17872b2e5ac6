// The example requests of the vendor's documentation with `streamgage query`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../conformance.ts";
import { assertAllPagesCovered, examples, EXAMPLES_TODAY, withExampleDump } from "../documented-examples.ts";

test("every example of the vendor's pages is tested", assertAllPagesCovered);

test("the vendor's examples return the rows that they describe", async (context) => {
  await withExampleDump(async (folder) => {
    const program = join(root, "target/release/streamgage");
    const input = examples.map(({ request }) => `${request}\n`).join("");
    const run = spawnSync(program, ["query", folder, "--today", EXAMPLES_TODAY, "-"], { input, encoding: "utf8" });
    assert.equal(run.stderr, "");
    const answers = run.stdout.split("\n").map((line) => line && JSON.parse(line));
    for (const [at, { request, check }] of examples.entries())
      await context.test(request, () => {
        assert.equal(answers[at].status, 200);
        check(answers[at].body);
      });
  });
});
