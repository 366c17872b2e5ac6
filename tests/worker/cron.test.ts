// The cron trigger refreshes recent requests if the Worker has its own upstream key.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./harness.ts";
import { startUpstream } from "./upstream.ts";

const TEAMS = "/v3/customer/core/teams/";

for (const [vars, refreshed] of [
  [{ UPSTREAM_KEY: "own" }, 1],
  [{ CACHE_SECRET: "a secret of the tests" }, 0],
] as const) {
  test(`with ${Object.keys(vars).join()}, the cron trigger sends ${refreshed} request(s)`, async (context) => {
    const upstream = await startUpstream();
    context.after(() => upstream.close());
    const worker = await start({ vars: { ...vars, UPSTREAM: upstream.url } });
    context.after(() => worker.close());
    const cron = async () => {
      await worker.server.getWorker().scheduled({ cron: "*/5 * * * *" });
      return upstream.requests.splice(0).map(({ path, headers }) => [path, headers.authorization]);
    };
    assert.deepEqual(await cron(), []);
    upstream.headers["Cache-Control"] = "max-age=5";
    assert.equal((await worker.ask(TEAMS)).status, 200);
    // Only the caller's request: the response is still fresh.
    assert.equal((await cron()).length, 1);
    await new Promise((resolve) => setTimeout(resolve, 5_200));
    assert.deepEqual(
      await cron(),
      Array.from({ length: refreshed }, () => [TEAMS, "Bearer own"]),
    );
  });
}
