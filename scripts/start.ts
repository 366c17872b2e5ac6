// npm start: builds what is missing, fills a local database from a dump, and serves the Worker and the page until Ctrl-C.
import { spawn, type ChildProcess } from "node:child_process";
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
import { Failure, fingerprint, home, main, root, run, sha256, stage, stopChildren, unlessDone } from "./lib.ts";
import { quiet, wrangler, wranglerArgs } from "./wrangler.ts";

const usage = `npm start -- [--dump DIR] [--port 8787] [--key KEY] [--today YYYY-MM-DD] [--fresh]
  --dump DIR   serve this dump; without it, a made-up organisation
  --port PORT  listen on 127.0.0.1:PORT
  --key KEY    the API key to accept, instead of a random one
  --today DAY  answer as if it were this day
  --fresh      forget this dump's local database first`;

const cli = join(root, "target/release/streamgage");

type Options = { dump?: string; port: number; key?: string; today?: string; fresh: boolean };

function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        dump: { type: "string" },
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
    if (port < 1 || port > 65535) throw new Failure(`--port ${values.port} is no port`);
    if (values.today !== undefined && !isDay(values.today))
      throw new Failure(`--today ${values.today} is no YYYY-MM-DD`);
    if (values.key !== undefined && !/^[\x21-\x7e]+$/.test(values.key))
      throw new Failure("--key needs printable ASCII without spaces");
    // npm runs scripts in the root; INIT_CWD is where the user stands.
    const dump = values.dump === undefined ? undefined : resolve(process.env.INIT_CWD ?? ".", values.dump);
    if (dump !== undefined && !(existsSync(dump) && statSync(dump).isDirectory()))
      throw new Failure(`--dump ${values.dump} is no folder`);
    return { ...values, port, dump };
  } catch (error) {
    throw new Failure(`${(error as Error).message}\n${usage}`);
  }
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
  const dump = join(home, "demo");
  const madeBy = sha256(today, await fingerprint("cli/src/demo", "cli/src/demo.rs"));
  await unlessDone(join(dump, "dump.json"), join(home, "demo.made-by"), madeBy, async () => {
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
  const file = join(home, "key");
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

let server: ChildProcess | undefined;
let stopping = false;

/** Serves until it is stopped; resolves when it answers. */
async function serve({ port, today }: Options, state: string): Promise<void> {
  const flags = ["--local", "--ip", "127.0.0.1", "--port", `${port}`, "--inspector-port", "0", "--persist-to", state];
  // Some scripts send the vendor's name as their Host: links lead back here all the same.
  flags.push("--var", `PUBLIC_ORIGIN:http://127.0.0.1:${port}`);
  if (today !== undefined) flags.push("--var", `TODAY:${today}`);
  const args = wranglerArgs(["dev", ...flags, "--log-level", "warn", "--show-interactive-dev-session=false"]);
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
      if (!stopping) reject(new Failure(`wrangler dev ended with exit code ${code}`));
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
    throw new Failure("no answer from the Worker within a minute");
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

await main(async () => {
  const given = options();
  if (await taken(given.port))
    throw new Failure(`port ${given.port} is taken: stop what listens there, or choose another with --port`);

  await stage("command line", () => run("cargo", ["build", "--release", "--bin", "streamgage"]));
  await stage("Worker", () => buildWorker(false));
  await stage("package and page", async () => {
    await buildBrowser();
    await buildPage();
  });
  const dump = given.dump ?? (await stage("demo data", () => demo(given.today)));

  // Each dump has a database of its own, made anew when the dump has changed: rows that left it leave the database too.
  const state = join(home, "state", sha256(dump).slice(0, 16));
  const filledFrom = join(state, "dump");
  const contents = contentsOf(dump);
  const changed = existsSync(filledFrom) && readFileSync(filledFrom, "utf8") !== contents;
  if (changed) console.log("   the dump has changed: its local database is made anew");
  if (given.fresh || changed) rmSync(state, { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  writeFileSync(filledFrom, contents);
  // What `npm run key` and the like mean by the local database.
  rmSync(join(home, "current"), { force: true });
  symlinkSync(state, join(home, "current"));

  const key = await stage("database and key", async () => {
    const migrations = await fingerprint("worker/migrations");
    await unlessDone(join(state, "v3"), join(state, "migrated"), migrations, async () => {
      await wrangler(["d1", "migrations", "apply", "DB", "--local", "--persist-to", state], { capture: true });
    });
    return localKey(given.key, state);
  });
  const url = `http://127.0.0.1:${given.port}`;
  await stage("server", () => serve(given, state));
  await stage("data", () =>
    unlessDone(join(state, "v3"), join(state, "pushed"), contents, async () => {
      await run(cli, ["push", dump, "--to", url], { env: { STREAMGAGE_KEY: key } });
    }),
  );
  console.log(`${url}/#key=${encodeURIComponent(key)}`);
  console.log(`ready ${url} key ${key}`);
});
