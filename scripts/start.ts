// npm start: builds what is missing, and serves the Worker and the page until Ctrl-C: with a local database that is filled
// from a dump, or as a proxy before an upstream.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
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
import {
  UserError,
  fingerprint,
  stateFolder,
  main,
  root,
  run,
  sha256,
  stage,
  stopChildren,
  rebuildIfChanged,
} from "./lib.ts";
import { quiet, wrangler } from "./wrangler.ts";

const usage = `npm start -- [--dump DIR] [--port 8787] [--key KEY] [--today YYYY-MM-DD] [--fresh]
npm start -- --upstream URL [--upstream-key KEY] [--port 8787] [--key KEY] [--today YYYY-MM-DD] [--fresh]
  --dump DIR          serve this dump; without it, a made-up organisation
  --upstream URL      be a proxy before this server; callers use its keys
  --upstream-key KEY  ask it with this key, and callers use a key made here; better given as UPSTREAM_KEY in the
                      environment, since npm shows and logs what is on its command line
  --port PORT         listen on 127.0.0.1:PORT
  --key KEY           the API key to accept, instead of a random one
  --today DAY         answer as if it were this day
  --fresh             forget what is kept for this dump or upstream first`;

const cli = join(root, "target/release/streamgage");

type Options = {
  dump?: string;
  upstream?: string;
  upstreamKey?: string;
  port: number;
  key?: string;
  today?: string;
  fresh: boolean;
};

function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        dump: { type: "string" },
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
    if (port < 1 || port > 65535) throw new UserError(`--port ${values.port} is no port`);
    if (values.today !== undefined && !isDay(values.today))
      throw new UserError(`--today ${values.today} is no YYYY-MM-DD`);
    if (values.key !== undefined && !/^[\x21-\x7e]+$/.test(values.key))
      throw new UserError("--key needs printable ASCII without spaces");
    const upstreamKey = values["upstream-key"] ?? (process.env.UPSTREAM_KEY || undefined);
    // RFC 6750 §2.1; none of these means anything in a file of variables.
    if (upstreamKey !== undefined && !/^[\w.~+/=-]+$/.test(upstreamKey))
      throw new UserError("a key of the upstream has letters, digits and -._~+/= alone");
    const upstream = values.upstream === undefined ? undefined : originOf(values.upstream);
    if (upstream === undefined && values["upstream-key"] !== undefined)
      throw new UserError("--upstream-key is for --upstream URL");
    if (upstream !== undefined && values.dump !== undefined) throw new UserError("--dump or --upstream, not both");
    if (upstream !== undefined && upstreamKey === undefined && values.key !== undefined)
      throw new UserError("--key is for a proxy with an --upstream-key: without one, callers use the upstream's keys");
    // npm runs scripts in the root; INIT_CWD is where the user stands.
    const dump = values.dump === undefined ? undefined : resolve(process.env.INIT_CWD ?? ".", values.dump);
    if (dump !== undefined && !(existsSync(dump) && statSync(dump).isDirectory()))
      throw new UserError(`--dump ${values.dump} is no folder`);
    return { ...values, upstream, upstreamKey, port, dump };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n${usage}`);
  }
}

/** An address of a server alone, as the Worker takes it. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`)
    throw new UserError(
      "--upstream needs the address of a server: https://HOST, perhaps with a port, and nothing else",
    );
  return url.origin;
}

const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00Z`).toJSON()?.slice(0, 10) === text;

/** Whether someone listens there already. */
const taken = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => (socket.destroy(), done(true))).on("error", () => done(false));
  });

/** A made-up organisation whose last commits are of the day before. */
async function demo(today = new Date().toJSON().slice(0, 10)): Promise<string> {
  const dump = join(stateFolder, "demo");
  const madeBy = sha256(today, await fingerprint("cli/src/demo", "cli/src/demo.rs"));
  await rebuildIfChanged(join(dump, "dump.json"), join(stateFolder, "demo.made-by"), madeBy, async () => {
    await run(cli, ["demo", "--out", dump, "--until", today]);
  });
  return dump;
}

/** The dump's files by name, size and time: reading a large dump again at each start would take too long. */
const contentsOf = (dump: string): string =>
  sha256(
    ...readdirSync(dump)
      .filter((name) => name !== ".DS_Store")
      .sort()
      .map((name) => [name, statSync(join(dump, name))] as const)
      .map(([name, { size, mtimeMs }]) => `${name} ${size} ${mtimeMs}`),
  );

/** The key given, or one of this checkout's own, which stays the same so that links go on working. */
async function localKey(given: string | undefined, state: string): Promise<string> {
  const file = join(stateFolder, "key");
  const known = given ?? (existsSync(file) ? readFileSync(file, "utf8") : undefined);
  const made = join(state, "key-made");
  if (known !== undefined && existsSync(made) && readFileSync(made, "utf8") === sha256(known)) return known;
  const permissions = ["metrics", "core", "import"];
  const d1 = ["--local", "--persist-to", state];
  const key = await createKey({ name: "npm start", permissions, key: known, d1 });
  writeFileSync(made, sha256(key));
  if (given === undefined) writeFileSync(file, key, { mode: 0o600 });
  return key;
}

/** The proxy's variables, in a file that nobody else reads: what is on a command line, everybody sees. */
function proxyVariables({ upstream, upstreamKey }: Options, state: string): string {
  const secret = join(stateFolder, "cache-secret");
  if (!existsSync(secret)) writeFileSync(secret, randomBytes(32).toString("hex"), { mode: 0o600 });
  const file = join(state, "variables");
  const variables = { UPSTREAM: upstream, CACHE_SECRET: readFileSync(secret, "utf8"), UPSTREAM_KEY: upstreamKey };
  const lines = Object.entries(variables).map(([name, value]) => (value === undefined ? "" : `${name}=${value}\n`));
  writeFileSync(file, lines.join(""), { mode: 0o600 });
  return file;
}

let server: ChildProcess | undefined;
let stopping = false;

/** Serves until it is stopped; resolves when it answers. */
async function serve(given: Options, state: string): Promise<void> {
  const { port, today } = given;
  const flags = ["--local", "--ip", "127.0.0.1", "--port", `${port}`, "--inspector-port", "0", "--persist-to", state];
  // Some scripts send the vendor's name as their Host: links lead back here all the same.
  flags.push("--var", `PUBLIC_ORIGIN:http://127.0.0.1:${port}`);
  if (today !== undefined) flags.push("--var", `TODAY:${today}`);
  if (given.upstream !== undefined) flags.push("--env-file", proxyVariables(given, state));
  const args = ["dev", ...flags, "--log-level", "warn", "--show-interactive-dev-session=false"];
  // A process group of its own, so that all of it can be stopped; when this process is
  // killed outright, its end of the pipe closes, and the shell that reads it does the same.
  const child = spawn("wrangler", args, {
    cwd: root,
    env: { ...process.env, ...quiet },
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  server = child;
  spawn("sh", ["-c", `trap "" INT TERM HUP; read -r _; kill -TERM -${child.pid} 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  const ended = new Promise<never>((_, reject) => {
    child.on("exit", (code) => {
      if (!stopping) reject(new UserError(`wrangler dev ended with exit code ${code}`));
    });
  });
  ended.catch((error: Error) => {
    console.error(`error: ${error.message}`);
    process.exit(1);
  });
  const answers = async () => {
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((next) => setTimeout(next, 50)))
      if (
        await fetch(`http://127.0.0.1:${port}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
    throw new UserError("no answer from the Worker within a minute");
  };
  await Promise.race([answers(), ended]);
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
    // It has ended already.
  }
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));

const stateOf = (served: string): string => join(stateFolder, "state", sha256(served).slice(0, 16));

/** Makes a folder of local databases ready; from now on it is what `npm run key` and the like mean by the local one. */
async function openState(state: string, fresh: boolean): Promise<void> {
  if (fresh) rmSync(state, { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  rmSync(join(stateFolder, "current"), { force: true });
  symlinkSync(state, join(stateFolder, "current"));
  const migrations = await fingerprint("worker/migrations");
  await rebuildIfChanged(join(state, "v3"), join(state, "migrated"), migrations, async () => {
    await wrangler(["d1", "migrations", "apply", "DB", "--local", "--persist-to", state], { capture: true });
  });
}

async function serveDump(given: Options, url: string): Promise<void> {
  const dump = given.dump ?? (await stage("demo data", () => demo(given.today)));

  // Each dump has a database of its own, made anew when the dump has changed: rows that left it leave the database too.
  const state = stateOf(dump);
  const filledFrom = join(state, "dump");
  const contents = contentsOf(dump);
  const changed = existsSync(filledFrom) && readFileSync(filledFrom, "utf8") !== contents;
  if (changed) console.log("   the dump has changed: its local database is made anew");

  const key = await stage("database and key", async () => {
    await openState(state, given.fresh || changed);
    writeFileSync(filledFrom, contents);
    return localKey(given.key, state);
  });
  await stage("server", () => serve(given, state));
  await stage("data", () =>
    rebuildIfChanged(join(state, "v3"), join(state, "pushed"), contents, async () => {
      await run(cli, ["push", dump, "--to", url], { env: { STREAMGAGE_KEY: key } });
    }),
  );
  sayReady(url, key);
}

async function serveProxy(given: Options, upstream: string, url: string): Promise<void> {
  const state = stateOf(upstream);
  const key = await stage("database and key", async () => {
    await openState(state, given.fresh);
    return given.upstreamKey === undefined ? undefined : localKey(given.key, state);
  });
  await stage("server", () => serve(given, state));
  console.log(`a proxy before ${upstream}: what is kept is kept in ${state}`);
  if (key !== undefined) return sayReady(url, key);
  console.log("callers send a key of the upstream, Authorization: Bearer KEY, and each has a cache of its own");
  console.log(`ready ${url}`);
}

function sayReady(url: string, key: string): void {
  console.log(`${url}/#key=${encodeURIComponent(key)}`);
  console.log(`ready ${url} key ${key}`);
}

await main(async () => {
  const given = options();
  const { port, upstream } = given;
  if (await taken(port))
    throw new UserError(`port ${port} is taken: stop what listens there, or choose another with --port`);

  if (upstream === undefined)
    await stage("command line", () => run("cargo", ["build", "--release", "--bin", "streamgage"]));
  await stage("Worker", () => buildWorker(false));
  await stage("package and page", async () => {
    await buildBrowser();
    await buildPage();
  });
  const url = `http://127.0.0.1:${port}`;
  await (upstream === undefined ? serveDump(given, url) : serveProxy(given, upstream, url));
});
