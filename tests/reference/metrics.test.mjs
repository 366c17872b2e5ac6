// Compares the reference with the conformance cases and with tests/corpus.

import { equal } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { answer, bodyText, loadDump } from "./metrics.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** @type {[string, string][]} files of cases, and the folders that their dumps are relative to */
const corpora = [
  [join(root, "../shared/conformance/period_metrics.json"), join(root, "../shared")],
  [join(root, "tests/corpus/period_metrics.json"), join(root, "tests/corpus")],
];

for (const [path, folder] of corpora.filter(([path]) => existsSync(path))) {
  test(`every case of ${relative(root, path)}`, () => {
    const { dump: name, today, cases } = JSON.parse(readFileSync(path, "utf8"));
    const dump = loadDump(join(folder, name));
    for (const { query, status, body } of cases) {
      // Text preserves the order of the keys.
      equal(JSON.stringify(answer(query, today, dump)), JSON.stringify({ status, body }), query);
    }
  });
}

test("bodies have one decimal and the documented order of fields", () => {
  const dump = loadDump(join(root, "tests/corpus/dump"));
  equal(
    bodyText("start_date=2021-06-01&end_date=2021-06-30&team_id=12345&resolution=period", "2024-02-29", dump).body,
    '{"count":1,"results":[{"active_days":2.4,"commit_count":3.5,"total_impact":97.7,"total_efficiency":83.1}]}',
  );
});
