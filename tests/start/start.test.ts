// Tests of npm start: requests, the page, the proxy, invalid options, and the end of all processes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "../../scripts/lib.ts";
import { corpora, METRICS, root } from "../conformance.ts";
import { launch, open } from "../page/chromium.ts";
import { startUpstream } from "../worker/upstream.ts";

const corpus = corpora().at(-1) ?? assert.fail("no corpus");
const home = mkdtempSync(join(tmpdir(), "streamgage-start-"));
after(() => rmSync(home, { recursive: true, force: true }));

/** Listens on a free port. */
async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** Runs npm start. Returns its output so far, and promises of its ready line and of its exit code. */
function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn("npm", ["start", "--", ...args], {
    cwd: root,
    env: { ...process.env, STREAMGAGE_HOME: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { text: "" };
  const exited = once(child, "close").then(([code]) => code as number | null);
  const ready = new Promise<{ url: string; key: string | undefined }>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        output.text += chunk;
        const [, url, key] = /^ready (\S+)(?: key (\S+))?\n/m.exec(output.text) ?? [];
        if (url) resolve({ url, key });
      });
    exited.then(() => reject(new Error(`npm start has ended:\n${output.text}`)));
  });
  ready.catch(() => {});
  return { child, output, ready, exited };
}

const isServing = (url: string) =>
  fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );

let port: number;
let running: ReturnType<typeof start>;
before(async () => {
  port = await freePort();
  running = start(["--dump", corpus.dump, "--today", corpus.today, "--port", `${port}`, "--key", "a-key"]);
  await running.ready;
});
after(() => running.child.kill("SIGTERM"));

test("it prints the address and a link with the key", async () => {
  assert.deepEqual(await running.ready, { url: `http://127.0.0.1:${port}`, key: "a-key" });
  assert.match(running.output.text, new RegExp(`^http://127.0.0.1:${port}/#key=a-key\nready `, "m"));
});

test("the Worker answers from the given dump, with the given date and key", async () => {
  const { query, body } = corpus.cases.find(({ status }) => status === 200) ?? assert.fail("no case");
  const { url, key } = await running.ready;
  const answer = await fetch(`${url}${METRICS}?${query}`, { headers: { Authorization: `Bearer ${key}` } });
  assert.deepEqual(await answer.json(), body);
  assert.equal((await fetch(`${url}${METRICS}?${query}`)).status, 401);
});

test("links lead to the local address for any Host header", async () => {
  const { url, key } = await running.ready;
  const headers = { Authorization: `Bearer ${key}`, Host: "flow.example" };
  const sent = request(`${url}/v3/customer/core/commits/?fields=id&limit=1`, { headers }).end();
  const [response] = await once(sent, "response");
  const body = JSON.parse((await response.toArray()).join(""));
  assert.equal(body.next, `${url}/v3/customer/core/commits/?fields=id&limit=1&offset=1`);
});

test("the page shows numbers", async () => {
  const { url, key } = await running.ready;
  const browser = await launch();
  try {
    const { page, errors } = await open(browser, `${url}/#key=${key}`);
    await page.locator("#results").waitFor();
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
  }
});

for (const [callers, env] of [
  ["use the upstream's keys", {}],
  ["use a local key", { UPSTREAM_KEY: "a-key" }],
] as const)
  test(`proxy of an upstream: callers ${callers}`, async () => {
    const upstream = await startUpstream({ ...corpus, keys: ["a-key"] });
    const args = ["--upstream", upstream.url, "--today", corpus.today, "--port", `${await freePort()}`, "--fresh"];
    const { child, output, ready, exited } = start(args, env);
    try {
      const { url, key = "a-key" } = await ready;
      assert.equal(key === "a-key", callers === "use the upstream's keys");
      const { query, body } = corpus.cases.find(({ status }) => status === 200) ?? assert.fail("no case");
      const ask = (path: string) => fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${key}` } });
      for (const path of [`${METRICS}?${query}`, "/v3/customer/core/teams/?limit=1"]) {
        const [first, second] = [await ask(path), await ask(path)];
        assert.match(first.headers.get("cache-status") ?? "", /^streamgage; fwd=uri-miss; fwd-status=200;/);
        assert.match(second.headers.get("cache-status") ?? "", /^streamgage; hit;/);
        const answer = await second.json();
        assert.deepEqual(await first.json(), answer);
        if (path.startsWith(METRICS)) assert.deepEqual(answer, body);
      }
      assert.equal((await fetch(`${url}${METRICS}?${query}`, { headers: { Authorization: "Bearer no" } })).status, 401);
      // The key of the upstream is not printed.
      assert.doesNotMatch(output.text, /a-key/);
    } finally {
      child.kill("SIGTERM");
      await Promise.all([exited, upstream.close()]);
    }
  });

test("git repositories are served, and updated by the next run", async () => {
  const repository = join(home, "repository");
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args]);
  mkdirSync(repository);
  git("init", "-q");
  for (const commits of [1, 2]) {
    writeFileSync(join(repository, "file.txt"), "line\n".repeat(commits));
    git("add", "-A");
    git("commit", "-q", "-m", "a line");
    const { child, ready, exited } = start(["--repo", repository, "--port", `${await freePort()}`]);
    const { url, key } = await ready;
    const headers = { Authorization: `Bearer ${key}` };
    const answer = await fetch(`${url}/v3/customer/core/commits/?fields=new_work`, { headers });
    assert.deepEqual(((await answer.json()) as { results: unknown }).results, Array(commits).fill({ new_work: 1 }));
    child.kill("SIGTERM");
    await exited;
  }
});

test("a port in use is reported before anything is built", async () => {
  const { server, port } = await listen();
  const { exited, output } = start(["--port", `${port}`]);
  assert.equal(await exited, 1);
  assert.match(output.text, new RegExp(`error: port ${port} is in use`));
  assert.doesNotMatch(output.text, /==/);
  server.close();
});

test("invalid options are reported", async () => {
  for (const [args, message] of [
    [["--dmup", "x"], /error: Unknown option '--dmup'/],
    [["--today", "2026-02-30"], /error: --today 2026-02-30 is not a date/],
    [["--dump", "no/such/folder"], /error: --dump no\/such\/folder is not a folder/],
    [["--upstream", "https://flow.example/v3/"], /error: --upstream must be an origin/],
    [["--upstream-key", "x"], /error: --upstream-key requires --upstream URL/],
  ] as const) {
    const { exited, output } = start(args);
    assert.equal(await exited, 1);
    assert.match(output.text, message);
  }
});

test("a signal stops all processes", async () => {
  running.child.kill("SIGTERM");
  await running.exited;
  assert.equal(await isServing(`http://127.0.0.1:${port}`), false);
});
