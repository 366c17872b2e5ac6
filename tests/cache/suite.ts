// Runs the suite against the Worker, which runs in workerd as a proxy.
import { join } from "node:path";
import { start } from "../worker/harness.ts";
import { SECRET } from "../worker/proxy.ts";
import { startAdapter, type Handler } from "./adapter.ts";
import { failures, type Kind, type Result } from "./report.ts";

type Test = { id: string; name: string; kind?: Kind; browser_only?: boolean; dump?: boolean };
type Group = { id: string; name: string; tests: Test[] };

/** The number of tests that run at the same time. Most of a test is waiting. */
const PARALLEL = 60;
/** The number of attempts for tests that must pass, because the suite's deadlines are one or two seconds. */
const ATTEMPTS = 3;

/** Runs all tests of the suite, or those with the given ids. */
export async function runSuite(suite: string, ids: string[], mustPass: (result: Result) => boolean): Promise<Result[]> {
  const load = (file: string) => import(join(suite, file));
  const handler = async (name: string) => (await load(`test-engine/server/handle-${name}.mjs`)).default as Handler;
  const handlers = { config: await handler("config"), state: await handler("state"), test: await handler("test") };
  const { runTests } = await load("test-engine/client/runner.mjs");
  const { testResults } = await load("test-engine/client/test.mjs");
  const groups: Group[] = (await load("tests/index.mjs")).default;

  const adapter = await startAdapter(handlers);
  const limits = { READS: 1_000_000, FAILED_KEYS: 1_000_000 };
  const worker = await start({ vars: { ...SECRET, UPSTREAM: adapter.upstream, LIST_TTL: "0" }, limits });
  adapter.connect(`${worker.url}`);

  const all = groups.flatMap(({ name, tests }) => tests.map((test) => ({ ...test, group: name })));
  const results = new Map<string, Result>();
  const attempt = async (selected: typeof all) => {
    for (const { id } of selected) delete testResults[id];
    // The suite changes its tests while it runs them. Tests for browsers are tests of private caches.
    const tests = structuredClone(selected).map((test) => ({ ...test, browser_only: false, dump: ids.length > 0 }));
    await runTests([{ tests }], false, adapter.client, PARALLEL);
    for (const { id, name, group, kind = "required" } of selected) {
      const outcome = testResults[id] as true | [kind: string, message: string];
      const message = outcome === true ? {} : { message: outcome.join(": ") };
      results.set(id, { id, name, group, kind, ...message });
    }
  };
  try {
    await attempt(ids.length > 0 ? all.filter(({ id }) => ids.includes(id)) : all);
    for (let count = 1; count < ATTEMPTS; count += 1) {
      const failed = failures([...results.values()]).filter(mustPass);
      await attempt(all.filter(({ id }) => failed.some((result) => result.id === id)));
    }
  } finally {
    adapter.close();
    await worker.close();
  }
  return [...results.values()];
}
