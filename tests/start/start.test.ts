// Tests of npm start: requests, the page, the proxy, invalid options, and the end of all processes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "../../scripts/lib.ts";
import { corpora, METRICS, root } from "../conformance.ts";
import { launch, open } from "../page/chromium.ts";
import { startUpstream } from "../worker/upstream.ts";
import { listeningSockets, processTree } from "./processes.ts";

const corpus = corpora().at(-1) ?? assert.fail("no corpus");
const home = mkdtempSync(join(tmpdir(), "streamgage-start-"));
after(() => rmSync(home, { recursive: true, force: true }));

/** Listens on a free port. */
async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/**
 * Runs npm start, with a umask that lets everyone read new files. Returns its output so far, and promises of its ready line
 * and of its exit code.
 */
function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn("sh", ["-c", 'umask 000; exec npm start -- "$@"', "sh", ...args], {
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

/** Samples the command lines of the processes of npm start until it is ready. */
async function commandLinesOf({ child, ready }: ReturnType<typeof start>): Promise<string> {
  const seen = new Set<string>();
  const timer = setInterval(() => processTree(child.pid ?? 0).forEach(({ command }) => seen.add(command)), 100);
  await ready.finally(() => clearInterval(timer));
  return [...seen].join("\n");
}

/** Returns the paths below a folder that other users have permissions for. Links have no permissions of their own. */
const sharedPaths = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name))
    .concat(folder)
    .filter((path) => (lstatSync(path).mode & 0o077) !== 0);

/** Sends a request and returns the response; undefined without one. */
async function probe(
  port: number,
  method: string,
  path: string,
): Promise<{ status: number; body: string } | undefined> {
  const sent = request({
    host: "127.0.0.1",
    port,
    method,
    path,
    timeout: 5000,
    headers: { Host: `127.0.0.1:${port}` },
  });
  sent.on("timeout", () => sent.destroy()).end();
  try {
    const [response] = await once(sent, "response");
    return { status: response.statusCode, body: (await response.toArray()).join("") };
  } catch {
    return undefined;
  }
}

let port: number;
let running: ReturnType<typeof start>;
let commandLines: string;
before(async () => {
  // The state of an earlier version, which everyone could read.
  mkdirSync(join(home, "state/earlier"), { recursive: true });
  writeFileSync(join(home, "state/earlier/variables"), "UPSTREAM_KEY=secret");
  for (const path of ["", "state", "state/earlier", "state/earlier/variables"]) chmodSync(join(home, path), 0o777);
  port = await freePort();
  running = start(["--dump", corpus.dump, "--today", corpus.today, "--port", `${port}`, "--key", "a-key"]);
  commandLines = await commandLinesOf(running);
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

test("no socket of the started processes has debug endpoints or is open to the network", async () => {
  const sockets = listeningSockets(processTree(running.child.pid ?? 0));
  assert.ok(
    sockets.some((socket) => socket.port === port),
    "the port of the Worker is found",
  );
  const explorer = ["/cdn-cgi/explorer", "/cdn-cgi/local/explorer"].flatMap((path) => [
    path,
    `${path}/`,
    `${path}/api`,
    `${path}/api/d1/database`,
    `${path}/api/durable_objects/namespaces`,
    `${path}/api/workers`,
  ]);
  const handlers = ["handler", "mf", "local"].flatMap((name) => [
    `/cdn-cgi/${name}/scheduled`,
    `/cdn-cgi/${name}/email`,
  ]);
  const proxies = ["/cdn-cgi/platform-proxy", "/cdn-cgi/local/platform-proxy", "/core/store-temp-file", "/core/log"];
  const inspector = ["/json", "/json/list", "/json/version", "/ws", "/core:user:streamgage"];
  for (const { address, port } of sockets) {
    assert.equal(address, "127.0.0.1", `port ${port} is bound to 127.0.0.1 only`);
    for (const path of [...explorer, ...handlers, ...proxies, ...inspector])
      for (const method of ["GET", "POST"]) {
        const { status = 404, body = "" } = (await probe(port, method, path)) ?? {};
        assert.ok(
          [400, 401, 403, 404, 405].includes(status),
          `${method} ${port} ${path}: ${status} ${body.slice(0, 200)}`,
        );
      }
  }
});

test("other users cannot read the state, whatever the umask and the earlier permissions", () => {
  assert.deepEqual(sharedPaths(home), []);
});

test("command lines have no secret besides the options of the user", () => {
  assert.match(commandLines, /serve\.ts/, "the command lines are recorded");
  assert.doesNotMatch(commandLines, new RegExp(createHash("sha256").update("a-key").digest("hex")));
  const lines = commandLines.split("\n").filter((line) => !/--port \d+ --key a-key/.test(line));
  assert.doesNotMatch(lines.join("\n"), /a-key/);
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
    const started = start(args, env);
    const { child, output, ready, exited } = started;
    try {
      assert.doesNotMatch(await commandLinesOf(started), /a-key|UPSTREAM_KEY|[0-9a-f]{64}/);
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
    [["--upstream", "http://127.0.0.1:99999"], /error: --upstream must be an origin/],
    [["--upstream", "http://127.0.0.1:0"], /error: --upstream must be an origin/],
    [["--upstream", "http://127.0.0.1:/"], /error: --upstream must be an origin/],
    [["--port", "99999"], /error: --port 99999 is not a port/],
    [["--port", "0"], /error: --port 0 is not a port/],
    [["--upstream-key", "x"], /error: --upstream-key requires --upstream URL/],
  ] as const) {
    const { exited, output } = start(args);
    assert.equal(await exited, 1);
    assert.match(output.text, message);
  }
});

test("npm start ends with an error when workerd dies", async () => {
  const port = await freePort();
  const { child, output, ready, exited } = start(["--dump", corpus.dump, "--today", corpus.today, "--port", `${port}`]);
  const { url } = await ready;
  const tree = processTree(child.pid ?? 0);
  const workerd = tree.filter(({ command }) => /workerd\S* serve/.test(command));
  assert.ok(workerd.length > 0, "workerd is found");
  for (const { pid } of workerd) process.kill(pid, "SIGKILL");
  const timeout = AbortSignal.timeout(60_000);
  const code = await Promise.race([exited, once(timeout, "abort").then(() => "still running")]);
  if (code === "still running") child.kill("SIGTERM");
  assert.equal(code, 1);
  assert.match(output.text, /error: .*workerd/);
  assert.equal(await isServing(url), false);
  const left = tree.filter(({ pid }) => processTree(pid).some(({ command }) => /workerd|serve\.ts/.test(command)));
  assert.deepEqual(left, [], "no process is left");
});

test("a signal stops all processes", async () => {
  running.child.kill("SIGTERM");
  await running.exited;
  assert.equal(await isServing(`http://127.0.0.1:${port}`), false);
});
