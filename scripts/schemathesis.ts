// npm run schemathesis [-- ARGUMENT …]: tests the Worker against its own OpenAPI document with all checks of schemathesis.
// The only exemptions are those that tests/schemathesis/hooks.py reads from the document. Arguments are passed on, such
// as --include-path-regex users or --seed 2.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDump, start } from "../tests/worker/harness.ts";
import { buildBrowser } from "./build-browser.ts";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { main, root, run, stage } from "./lib.ts";
import { schemathesis } from "./tools.ts";

/** The day of the document's examples. On a later day, metrics would reject them as too old. */
const TODAY = "2024-05-31";
/** The number of generated requests per endpoint and phase, and their seed. */
const EXAMPLES = ["--max-examples", "25", "--seed", "1"];

await main(async () => {
  const program = await stage("schemathesis", () => schemathesis(join(root, "tests/schemathesis/requirements.txt")));
  await stage("Worker", () => buildWorker(false));
  await stage("package and page", async () => {
    await buildBrowser();
    await buildPage();
  });
  await stage("command line", () => run("cargo", ["build", "--release", "--bin", "streamgage"]));
  const folder = mkdtempSync(join(tmpdir(), "schemathesis-"));
  // One check sends invalid keys to every endpoint, which would exceed the limit.
  const worker = await start({ vars: { TODAY }, limits: { FAILED_KEYS: 1e9 } });
  try {
    const dump = join(folder, "dump");
    await stage("data", async () => {
      const flags = ["--out", dump, "--until", TODAY, "--users", "6", "--months", "1"];
      await run(join(root, "target/release/streamgage"), ["demo", ...flags]);
      await loadDump(worker, dump);
    });
    const key = await worker.key("metrics core import");
    const flags = ["--checks", "all", "--generation-database", "none", "--header", `Authorization: Bearer ${key}`];
    const hooks = join(root, "tests/schemathesis");
    await run(program, ["run", `${worker.url.origin}/openapi.json`, ...flags, ...EXAMPLES, ...process.argv.slice(2)], {
      cwd: folder,
      env: { SCHEMATHESIS_HOOKS: join(hooks, "hooks.py"), PYTHONDONTWRITEBYTECODE: "1", TODAY },
    });
  } finally {
    await worker.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
