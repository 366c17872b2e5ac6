// npm start: builds what is missing and serves the Worker and the page until Ctrl-C, either with a local database that is
// filled from a dump, or as a proxy of an upstream.
import { fork, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildBrowser } from "./build-browser.ts";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { createKey } from "./key.ts";
import { UserError, fingerprint, main, root, run, sha256, stage, stopChildren, rebuildIfChanged } from "./lib.ts";
import type { Settings } from "./serve.ts";
import { protectState, stateFolder } from "./state.ts";
import { quiet, wrangler } from "./wrangler.ts";

const usage = `npm start -- [--dump DIR | --repo PATH…] [--port 8787] [--key KEY] [--today YYYY-MM-DD] [--fresh]
npm start -- --upstream URL [--upstream-key KEY] [--port 8787] [--key KEY] [--today YYYY-MM-DD] [--fresh]
  --dump DIR          serve this dump instead of a made-up organization
  --repo PATH         serve the metrics of this git repository; may be given several times
  --upstream URL      act as a proxy of this server; callers use its keys
  --upstream-key KEY  send this key to the upstream; callers use a local key. The environment variable UPSTREAM_KEY is
                      safer, because npm shows and logs its command line
  --port PORT         listen on 127.0.0.1:PORT
  --key KEY           accept this API key instead of a random one
  --today DAY         use this day as the current date
  --fresh             delete the local data of this dump or upstream first`;

const cli = join(root, "target/release/streamgage");

type Options = {
  dump?: string;
  repo?: string[];
  upstream?: string;
  upstreamKey?: string;
  port: number;
  key?: string;
  today?: string;
  fresh: boolean;
};

function parseOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        dump: { type: "string" },
        repo: { type: "string", multiple: true },
        upstream: { type: "string" },
        "upstream-key": { type: "string" },
        port: { type: "string", default: "8787" },
        key: { type: "string" },
        today: { type: "string" },
        fresh: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : 0;
    if (port < 1 || port > 65535) throw new UserError(`--port ${values.port} is not a port`);
    if (values.today !== undefined && !isDay(values.today))
      throw new UserError(`--today ${values.today} is not a date such as 2026-09-01`);
    if (values.key !== undefined && !/^[\x21-\x7e]+$/.test(values.key))
      throw new UserError("--key must be printable ASCII without spaces");
    const upstreamKey = values["upstream-key"] ?? (process.env.UPSTREAM_KEY || undefined);
    // RFC 6750 §2.1. None of these characters has a special meaning in an environment file.
    if (upstreamKey !== undefined && !/^[\w.~+/=-]+$/.test(upstreamKey))
      throw new UserError("the upstream key may contain letters, digits and -._~+/= only");
    const upstream = values.upstream === undefined ? undefined : originOf(values.upstream);
    if (upstream === undefined && values["upstream-key"] !== undefined)
      throw new UserError("--upstream-key requires --upstream URL");
    if (upstream !== undefined && values.dump !== undefined)
      throw new UserError("--dump and --upstream exclude each other");
    if (upstream !== undefined && upstreamKey === undefined && values.key !== undefined)
      throw new UserError("--key requires --upstream-key: without it, callers use the keys of the upstream");
    if (values.repo !== undefined && (values.dump ?? upstream) !== undefined)
      throw new UserError("--repo excludes --dump and --upstream");
    // npm runs scripts in the root; INIT_CWD is the folder of the user.
    const resolvePath = (path: string) => resolve(process.env.INIT_CWD ?? ".", path);
    const dump = values.dump === undefined ? undefined : resolvePath(values.dump);
    const repo = values.repo?.map(resolvePath);
    if (dump !== undefined && !(existsSync(dump) && statSync(dump).isDirectory()))
      throw new UserError(`--dump ${values.dump} is not a folder`);
    return { ...values, upstream, upstreamKey, port, dump, repo };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n${usage}`);
  }
}

/** Returns the origin of a URL that has neither a path nor a query. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Without digits after the colon, as in `http://host:$PORT` without the variable, the port would be 80.
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.href !== `${url.origin}/` ||
    url.port === "0" ||
    /:[/\\\s]*$/.test(text)
  )
    throw new UserError("--upstream must be an origin such as https://HOST or https://HOST:PORT");
  return url.origin;
}

const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00Z`).toJSON()?.slice(0, 10) === text;

/** Reports whether a program listens on a port. */
const isPortTaken = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => (socket.destroy(), resolve(true))).on("error", () => resolve(false));
  });

/** Writes a demo dump with commits until the day before, and returns its folder. */
async function demoDump(today = new Date().toJSON().slice(0, 10)): Promise<string> {
  const dump = join(stateFolder, "demo");
  const inputs = sha256(today, await fingerprint("cli/src/demo", "cli/src/demo.rs"));
  await rebuildIfChanged(join(dump, "dump.json"), join(stateFolder, "demo.made-by"), inputs, async () => {
    await run(cli, ["demo", "--out", dump, "--until", today]);
  });
  return dump;
}

/** Writes a dump of git repositories, and returns its folder. Later runs read new commits only. */
async function gitDump(repositories: readonly string[]): Promise<string> {
  const dump = join(stateFolder, "git", sha256(...repositories).slice(0, 16));
  await run(cli, ["git", ...repositories, "--out", dump]);
  return dump;
}

/** Hashes the names, sizes and times of the files of a dump. Their contents would take too long for a large dump. */
const dumpFingerprint = (dump: string): string =>
  sha256(
    ...readdirSync(dump)
      .filter((name) => name !== ".DS_Store")
      .sort()
      .map((name) => [name, statSync(join(dump, name))] as const)
      .map(([name, { size, mtimeMs }]) => `${name} ${size} ${mtimeMs}`),
  );

/** Returns the given key, or the key of this checkout, which stays the same so that links keep working. */
async function localKey(givenKey: string | undefined, state: string): Promise<string> {
  const file = join(stateFolder, "key");
  const known = givenKey ?? (existsSync(file) ? readFileSync(file, "utf8") : undefined);
  const created = join(state, "key-made");
  if (known !== undefined && existsSync(created) && readFileSync(created, "utf8") === sha256(known)) return known;
  const permissions = ["metrics", "core", "import"];
  const d1 = ["--local", "--persist-to", state];
  const key = await createKey({ name: "npm start", permissions, key: known, d1 });
  writeFileSync(created, sha256(key));
  if (givenKey === undefined) writeFileSync(file, key, { mode: 0o600 });
  return key;
}

/** Returns the variables of the Worker. */
function workerVariables({ port, today, upstream, upstreamKey }: Options): Record<string, string> {
  // Links must lead here even if a client sends the vendor's name as Host.
  const vars: Record<string, string> = { PUBLIC_ORIGIN: `http://127.0.0.1:${port}` };
  if (today !== undefined) vars.TODAY = today;
  if (upstream === undefined) return vars;
  const secret = join(stateFolder, "cache-secret");
  if (!existsSync(secret)) writeFileSync(secret, randomBytes(32).toString("hex"), { mode: 0o600 });
  Object.assign(vars, { UPSTREAM: upstream, CACHE_SECRET: readFileSync(secret, "utf8") });
  if (upstreamKey !== undefined) vars.UPSTREAM_KEY = upstreamKey;
  return vars;
}

let server: ChildProcess | undefined;
let stopping = false;

/** Starts the Worker and resolves when it listens. */
async function serve(options: Options, state: string): Promise<void> {
  // The server runs in its own process group, so that all of its processes can be stopped. It ends when the channel to it
  // closes, also if this process is killed. If both are killed, the shell stops the rest of the group.
  const child = fork(join(root, "scripts/serve.ts"), { cwd: root, env: { ...process.env, ...quiet }, detached: true });
  server = child;
  spawn("sh", ["-c", `trap "" INT TERM HUP; read -r _; kill -TERM -${child.pid} 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  const ended = new Promise<never>((_, reject) => {
    child.on("exit", (code, signal) => {
      if (!stopping) reject(new UserError(`the server ended (${signal ?? `exit code ${code}`})`));
    });
  });
  ended.catch((error: Error) => {
    console.error(`error: ${error.message}`);
    process.exit(1);
  });
  // The settings have secrets, and other users can see command lines. A program of another user could listen on the port
  // instead: the server itself tells when it listens.
  const settings: Settings = { port: options.port, state, vars: workerVariables(options) };
  child.send(settings);
  await Promise.race([once(child, "message"), ended]);
}

function stop(signal: NodeJS.Signals): void {
  if (stopping) return;
  stopping = true;
  stopChildren(signal);
  const end = () => process.exit(signal === "SIGINT" ? 130 : 143);
  if (server?.pid === undefined || server.exitCode !== null) return end();
  const group = -server.pid;
  server.on("exit", end);
  process.kill(group, "SIGTERM");
  setTimeout(() => process.kill(group, "SIGKILL"), 5_000);
}

process.on("exit", () => {
  try {
    if (server?.pid !== undefined) process.kill(-server.pid, "SIGTERM");
  } catch {
    // The server has ended already.
  }
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));

const stateFolderOf = (source: string): string => join(stateFolder, "state", sha256(source).slice(0, 16));

/** Prepares a folder of local databases, and makes it the current one for `npm run key` and other scripts. */
async function openState(state: string, fresh: boolean): Promise<void> {
  if (fresh) rmSync(state, { recursive: true, force: true });
  // The cache of the former run and the traces of former versions. The local server would keep both forever.
  for (const name of ["cache", "observability"]) rmSync(join(state, "v3", name), { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  rmSync(join(stateFolder, "current"), { force: true });
  symlinkSync(state, join(stateFolder, "current"));
  const migrations = await fingerprint("worker/migrations");
  await rebuildIfChanged(join(state, "v3"), join(state, "migrated"), migrations, async () => {
    await wrangler(["d1", "migrations", "apply", "DB", "--local", "--persist-to", state], { capture: true });
  });
}

async function serveDump(options: Options, url: string): Promise<void> {
  const { repo, today } = options;
  const dump =
    options.dump ??
    (repo === undefined
      ? await stage("demo data", () => demoDump(today))
      : await stage("git history", () => gitDump(repo)));

  // Each dump has its own database. If the dump has changed, the database is created again, without the removed rows.
  const state = stateFolderOf(dump);
  const filledFrom = join(state, "dump");
  const contents = dumpFingerprint(dump);
  const changed = existsSync(filledFrom) && readFileSync(filledFrom, "utf8") !== contents;
  if (changed) console.log("   the dump has changed: its local database is created again");

  const key = await stage("database and key", async () => {
    await openState(state, options.fresh || changed);
    writeFileSync(filledFrom, contents);
    return localKey(options.key, state);
  });
  await stage("server", () => serve(options, state));
  await stage("data", () =>
    rebuildIfChanged(join(state, "v3"), join(state, "pushed"), contents, async () => {
      await run(cli, ["push", dump, "--to", url], { env: { STREAMGAGE_KEY: key } });
    }),
  );
  printReady(url, key);
}

async function serveProxy(options: Options, upstream: string, url: string): Promise<void> {
  const state = stateFolderOf(upstream);
  const key = await stage("database and key", async () => {
    await openState(state, options.fresh);
    return options.upstreamKey === undefined ? undefined : localKey(options.key, state);
  });
  await stage("server", () => serve(options, state));
  console.log(`proxy of ${upstream}; its cache is in ${state}`);
  if (key !== undefined) return printReady(url, key);
  console.log("callers send a key of the upstream as Authorization: Bearer KEY; each key has its own cache");
  console.log(`ready ${url}`);
}

function printReady(url: string, key: string): void {
  console.log(`${url}/#key=${encodeURIComponent(key)}`);
  console.log(`ready ${url} key ${key}`);
}

await main(async () => {
  const options = parseOptions();
  const { port, upstream } = options;
  if (await isPortTaken(port))
    throw new UserError(`port ${port} is in use: stop the program that listens on it, or choose another with --port`);

  if (upstream === undefined)
    await stage("command line", () => run("cargo", ["build", "--release", "--bin", "streamgage"]));
  await stage("Worker", () => buildWorker(false));
  await stage("package and page", async () => {
    await buildBrowser();
    await buildPage();
  });
  protectState();
  const url = `http://127.0.0.1:${port}`;
  await (upstream === undefined ? serveDump(options, url) : serveProxy(options, upstream, url));
});
