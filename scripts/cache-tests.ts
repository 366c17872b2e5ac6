// npm run cache-tests: the public suite http-cache-tests against the laboratory. Of its required tests exactly those may
// fail that tests/cache/explained.json explains, and of the others nothing is asked.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLab } from "./cache-lab.ts";
import { Failure, freePort, main, root } from "./lib.ts";

/** How many of the required tests have to pass: the best known server passes 132. */
const ENOUGH = 140;

const suite = join(root, "node_modules/http-cache-tests");
type Test = { id: string; name: string; kind?: string; browser_only?: boolean };
type Result = true | [kind: string, message: string];

/** The suite's server, as its own scripts start it. */
async function startServer(port: number) {
  const pidfile = join(tmpdir(), `http-cache-tests-${process.pid}.pid`);
  const env = { npm_config_protocol: "http", npm_config_port: `${port}`, npm_config_pidfile: pidfile };
  const args = [join(suite, "server/server.mjs")];
  const server = spawn(process.execPath, args, {
    cwd: suite,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  server.stdout.resume();
  return server;
}

/** Runs all of the suite's tests that are not for browsers. */
async function runSuite(base: string): Promise<{ tests: Test[]; results: Record<string, Result> }> {
  const load = (file: string) => import(join(suite, file));
  const { runTests, getResults } = await load("client/runner.mjs");
  const suites: { tests: Test[] }[] = [
    ...(await load("tests/index.mjs")).default,
    (await load("tests/surrogate-control.mjs")).default,
  ];
  // Node's own fetch would neither send nor show all that the suite is about.
  const { default: fetch } = await import("node-fetch" as string);
  await runTests(suites, fetch, false, base);
  return { tests: suites.flatMap(({ tests }) => tests).filter((test) => !test.browser_only), results: getResults() };
}

await main(async () => {
  const [serverPort, labPort] = [await freePort(), await freePort()];
  const server = await startServer(serverPort);
  process.on("exit", () => server.kill());
  const lab = await startLab(new URL(`http://127.0.0.1:${serverPort}`), labPort);
  const { tests, results } = await runSuite(`http://127.0.0.1:${labPort}`);
  await lab.stop();

  const explained: Record<string, string> = JSON.parse(readFileSync(join(root, "tests/cache/explained.json"), "utf8"));
  const required = tests.filter(({ kind = "required" }) => kind === "required");
  const failed = required.filter(({ id }) => results[id] !== true);
  for (const { id } of failed)
    console.log(`${id}: ${(results[id] as string[] | undefined)?.join(": ")}\n    ${explained[id] ?? "NOT EXPLAINED"}`);
  const others = tests.filter((test) => !required.includes(test));
  const count = others.filter(({ id }) => results[id] === true).length;
  console.log(
    `required: ${required.length - failed.length} of ${required.length} passed; others: ${count} of ${others.length}`,
  );

  const unexplained = failed.filter(({ id }) => !(id in explained)).map(({ id }) => id);
  const passing = Object.keys(explained).filter(
    (id) => results[id] === true || !required.some((test) => test.id === id),
  );
  if (unexplained.length > 0) throw new Failure(`fails without an explanation: ${unexplained.join(", ")}`);
  if (passing.length > 0) throw new Failure(`explained, but does not fail: ${passing.join(", ")}`);
  if (required.length - failed.length < ENOUGH) throw new Failure(`fewer than ${ENOUGH} required tests passed`);
  // The suite's client keeps connections open.
  process.exit(0);
});
