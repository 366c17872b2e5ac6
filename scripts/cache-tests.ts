// npm run cache-tests [-- --update] [-- ID …]: runs the public suite http-tests/cache-tests, or the named tests, against the
// proxy in workerd. Fails if a test fails that passed before, or fails without a reason. --update records the results.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Reason, type Result, failures, report, withReason } from "../tests/cache/report.ts";
import { runSuite } from "../tests/cache/suite.ts";
import { buildBrowser } from "./build-browser.ts";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { UserError, main, root, stage } from "./lib.ts";
import { cacheTests } from "./tools.ts";

const folder = join(root, "tests/cache");
const read = (file: string) => readFileSync(join(folder, file), "utf8");

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { update: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const suite = await cacheTests();
  await stage("Worker", async () => {
    await buildBrowser();
    await buildPage();
    await buildWorker(true);
  });
  const passing = read("passing.txt").split("\n").filter(Boolean);
  const reasons: Reason[] = JSON.parse(read("reasons.json"));
  const mustPass = (result: Result) => passing.includes(result.id) || !withReason(result, reasons);
  const results = await stage("suite", () => runSuite(suite, positionals, mustPass));

  const failed = failures(results);
  if (positionals.length > 0) {
    for (const { id, message } of results) console.log(`${id}: ${message ?? "passed"}`);
    return;
  }
  const count = (kind: Result["kind"]) => {
    const all = results.filter((result) => result.kind === kind);
    return `${kind}: ${all.filter(({ message }) => message === undefined).length} of ${all.length}`;
  };
  console.log([count("required"), count("optimal"), count("check")].join("; "));
  if (values.update) {
    writeFileSync(join(folder, "README.md"), report(read("README.md"), results, reasons));
    const ids = results.filter(({ kind, message }) => kind !== "check" && message === undefined).map(({ id }) => id);
    writeFileSync(join(folder, "passing.txt"), `${ids.sort().join("\n")}\n`);
  }
  const regressions = failed.filter(({ id }) => passing.includes(id));
  const unexplained = failed.filter((result) => !regressions.includes(result) && !withReason(result, reasons));
  for (const { id, message } of [...regressions, ...unexplained]) console.error(`${id}: ${message}`);
  if (regressions.length > 0) throw new UserError(`${regressions.length} tests passed before and fail now`);
  const unused = reasons.find((reason) => !failed.some((result) => withReason(result, reasons) === reason));
  if (unused) throw new UserError(`no test fails for this reason: ${unused.reason}`);
  if (unexplained.length > 0)
    throw new UserError(`${unexplained.length} failures have no reason in tests/cache/reasons.json`);
});
process.exit();
