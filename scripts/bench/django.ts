// The same lists by Django REST Framework on PostgreSQL (tests/peers/drf), to measure beside and to compare with.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildOpenapi, openapiFile } from "../build-page.ts";
import { fingerprint, findOnPath, root, run, sha256, rebuildIfChanged } from "../lib.ts";

const home = join(root, "target/bench/drf");
const app = join(root, "tests/peers/drf");
const PORT = 18_973;
/** One a core: the load comes from this machine, too. */
const WORKERS = 2;

export type Peer = { url: string; stop: () => Promise<void> };

/** The programs of PostgreSQL, which some systems keep away from the path. */
function postgres(): string | undefined {
  const found = findOnPath("initdb");
  if (found !== undefined) return join(found, "..");
  const versions = "/usr/lib/postgresql";
  const version = existsSync(versions) ? readdirSync(versions).sort().at(-1) : undefined;
  return version && join(versions, version, "bin");
}

/** PostgreSQL refuses to be run by root. */
function user(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

/** A program that Python has for it, and what it has to know; and the PostgreSQL that it asks, which does not run yet. */
type Framework = {
  program: (name: string) => string;
  env: Record<string, string>;
  data: string;
  initialize: () => void;
  begin: () => void;
  end: () => void;
};

/** Installs the framework; undefined, and a line that says why, where it can't be had. `folder` holds its database. */
export async function framework(folder: string): Promise<Framework | undefined> {
  const [programs, python] = [postgres(), findOnPath("python3")];
  if (programs === undefined || python === undefined) {
    console.log(`Django REST Framework is not here: there is no ${python ? "PostgreSQL" : "python3"}`);
    return undefined;
  }
  const venv = join(root, "target/drf");
  try {
    const wanted = await fingerprint("tests/peers/drf/requirements.txt");
    await rebuildIfChanged(join(venv, "bin/gunicorn"), join(venv, ".installed"), wanted, async () => {
      await run(python, ["-m", "venv", "--clear", venv]);
      await run(join(venv, "bin/pip"), ["install", "--quiet", "--requirement", join(app, "requirements.txt")]);
    });
  } catch (error) {
    console.log(`Django REST Framework is not here: it can't be installed (${(error as Error).message})`);
    return undefined;
  }
  await buildOpenapi();

  const as = user();
  const sockets = join(folder, "postgres");
  const data = join(sockets, "data");
  const control = (...args: string[]) => {
    const done = spawnSync(join(programs, "pg_ctl"), ["-D", data, "-w", "-s", ...args], {
      ...as,
      stdio: "ignore",
      cwd: "/",
    });
    if (done.status !== 0) throw new Error(`pg_ctl ${args.join(" ")}: exit code ${done.status}`);
  };
  // What a machine of this size is given: the data in memory, no compiling of short queries.
  const options = `-c listen_addresses= -c unix_socket_directories=${sockets} -c shared_buffers=1GB -c jit=off`;
  return {
    program: (name) => join(venv, "bin", name),
    env: { FLOW_DATABASE: sockets, FLOW_OPENAPI: openapiFile, PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: app },
    data,
    initialize: () => {
      rmSync(sockets, { recursive: true, force: true });
      mkdirSync(sockets, { recursive: true });
      if (as !== undefined) chownSync(sockets, as.uid, as.gid);
      const flags = ["-D", data, "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"];
      spawnSync(join(programs, "initdb"), flags, { ...as, stdio: "ignore", cwd: "/" });
    },
    begin: () => control("-o", options, "-l", join(sockets, "log"), "start"),
    end: () => control("-m", "fast", "stop"),
  };
}

/** Starts it over this dump, which is loaded once; undefined, and a line that says why, where it can't be had. */
export async function startPeer(dump: string): Promise<Peer | undefined> {
  const peer = await framework(home);
  if (peer === undefined) return undefined;
  const made = sha256(dump, await fingerprint("tests/peers/drf"));
  let running = false;
  let server: ChildProcess | undefined;
  const stop = async () => {
    server?.kill("SIGTERM");
    if (running) peer.end();
  };
  try {
    await rebuildIfChanged(peer.data, join(home, ".loaded"), made, async () => {
      peer.initialize();
      peer.begin();
      running = true;
      const load = "import flow, sys; flow.load(sys.argv[1])";
      await run(peer.program("python"), ["-c", load, dump], { env: peer.env });
    });
    if (!running) peer.begin();
    running = true;
    const flags = [
      "--workers",
      `${WORKERS}`,
      "--bind",
      `127.0.0.1:${PORT}`,
      "--worker-class",
      "gthread",
      "--threads",
      "4",
      "--keep-alive",
      "60",
    ];
    server = spawn(peer.program("gunicorn"), [...flags, "--log-level", "error", "flow:application"], {
      env: { ...process.env, ...peer.env },
    });
    server.stderr?.pipe(process.stderr);
    const url = `http://127.0.0.1:${PORT}`;
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((next) => setTimeout(next, 100)))
      if (
        await fetch(`${url}/v3/customer/core/tags/`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return { url, stop };
    throw new Error("gunicorn does not answer");
  } catch (error) {
    await stop();
    throw error;
  }
}
