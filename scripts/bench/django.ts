// Runs the same lists on Django REST Framework and PostgreSQL (tests/peers/drf), for benchmarks and comparisons.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildOpenapi, openapiFile } from "../build-page.ts";
import { fingerprint, findOnPath, root, run, sha256, rebuildIfChanged } from "../lib.ts";

const home = join(root, "target/bench/drf");
const app = join(root, "tests/peers/drf");
const PORT = 18_973;
/** Gunicorn workers. The load generator runs on the same machine. */
const WORKERS = 2;

/** Returns the folder of PostgreSQL's programs. Debian does not put them on the path. */
function postgresPrograms(): string | undefined {
  const found = findOnPath("initdb");
  if (found !== undefined) return join(found, "..");
  const versions = "/usr/lib/postgresql";
  const version = existsSync(versions) ? readdirSync(versions).sort().at(-1) : undefined;
  return version && join(versions, version, "bin");
}

/** PostgreSQL does not run as root. */
function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

/** An installed framework and its PostgreSQL server, which is not running yet. */
type Framework = {
  /** Returns the path of a program of the Python environment. */
  program: (name: string) => string;
  env: Record<string, string>;
  data: string;
  initialize: () => void;
  start: () => void;
  stop: () => void;
};

/** Installs the framework with its database in `folder`. Prints the reason and returns undefined if that is impossible. */
export async function framework(folder: string): Promise<Framework | undefined> {
  const [programs, python] = [postgresPrograms(), findOnPath("python3")];
  if (programs === undefined || python === undefined) {
    console.log(`Django REST Framework is not available: ${python ? "PostgreSQL" : "python3"} is missing`);
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
    console.log(`Django REST Framework is not available: ${(error as Error).message}`);
    return undefined;
  }
  await buildOpenapi();

  const user = postgresUser();
  const sockets = join(folder, "postgres");
  const data = join(sockets, "data");
  const control = (...args: string[]) => {
    const done = spawnSync(join(programs, "pg_ctl"), ["-D", data, "-w", "-s", ...args], {
      ...user,
      stdio: "ignore",
      cwd: "/",
    });
    if (done.status !== 0) throw new Error(`pg_ctl ${args.join(" ")}: exit code ${done.status}`);
  };
  // Keeps the data in memory and does not compile short queries.
  const options = `-c listen_addresses= -c unix_socket_directories=${sockets} -c shared_buffers=1GB -c jit=off`;
  return {
    program: (name) => join(venv, "bin", name),
    env: { FLOW_DATABASE: sockets, FLOW_OPENAPI: openapiFile, PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: app },
    data,
    initialize: () => {
      rmSync(sockets, { recursive: true, force: true });
      mkdirSync(sockets, { recursive: true });
      if (user !== undefined) chownSync(sockets, user.uid, user.gid);
      const flags = ["-D", data, "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"];
      spawnSync(join(programs, "initdb"), flags, { ...user, stdio: "ignore", cwd: "/" });
    },
    start: () => control("-o", options, "-l", join(sockets, "log"), "start"),
    stop: () => control("-m", "fast", "stop"),
  };
}

/** Serves a dump, which is loaded once. Prints the reason and returns undefined if the framework is not available. */
export async function startDjango(dump: string): Promise<{ url: string; stop: () => Promise<void> } | undefined> {
  const peer = await framework(home);
  if (peer === undefined) return undefined;
  const state = sha256(dump, await fingerprint("tests/peers/drf"));
  let running = false;
  let server: ChildProcess | undefined;
  const stop = async () => {
    server?.kill("SIGTERM");
    if (running) peer.stop();
  };
  try {
    await rebuildIfChanged(peer.data, join(home, ".loaded"), state, async () => {
      peer.initialize();
      peer.start();
      running = true;
      const load = "import flow, sys; flow.load(sys.argv[1])";
      await run(peer.program("python"), ["-c", load, dump], { env: peer.env });
    });
    if (!running) peer.start();
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
    throw new Error("gunicorn does not respond");
  } catch (error) {
    await stop();
    throw error;
  }
}
