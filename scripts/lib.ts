// What the scripts share: running programs, naming and timing stages, remembering what a result was made from.
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Local databases, keys and the demo dump. */
export const stateFolder = process.env.STREAMGAGE_HOME ?? join(root, ".streamgage");

/** Something that the person at the keyboard can mend: shown without a stack trace, exit code 1. */
export class UserError extends Error {}

/** A UserError, or an argument that parseArgs does not know. */
const isForUser = (error: Error & { code?: unknown }): boolean =>
  error instanceof UserError || String(error.code).startsWith("ERR_PARSE_ARGS");

/** Runs a script's main function; its failures become one clear line. */
export async function main(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error && isForUser(error) ? `error: ${error.message}` : error);
    process.exit(1);
  }
}

export type RunOptions = { env?: Record<string, string>; cwd?: string; input?: string; capture?: boolean };

const children = new Set<ChildProcess>();

/** Stops what `run` has running; for a script that has been told to stop. */
export function stopChildren(signal: NodeJS.Signals): void {
  for (const child of children) child.kill(signal);
}

/** Runs a program to its end; a failure throws. Its output is shown, or with `capture` the standard output returned. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", options.capture ? "pipe" : "inherit", "inherit"],
  });
  children.add(child);
  const output: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
  child.stdin?.end(options.input);
  return new Promise((resolve, reject) => {
    child.on("error", () => reject(new UserError(`${command} could not be started: is it installed?`)));
    child.on("close", (code, signal) => {
      children.delete(child);
      if (code === 0) resolve(Buffer.concat(output).toString());
      else reject(new UserError(`failed (${signal ?? `exit code ${code}`}): ${[command, ...args].join(" ")}`));
    });
  });
}

export const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** A named and timed part of a script's work. */
export async function stage<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  console.log(`== ${name}`);
  const result = await work().catch((error: unknown) => {
    if (error instanceof UserError) error.message = `${name}: ${error.message}`;
    throw error;
  });
  console.log(`   ${name}: ${seconds(started)}`);
  return result;
}

/** The path of an installed program, or undefined. */
export function findOnPath(program: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

export const sha256 = (...parts: (string | Buffer)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
};

/** A hash over the files under some files and folders (paths from the root); dist, build and node_modules aside. */
export async function fingerprint(...paths: string[]): Promise<string> {
  const files: string[] = [];
  for (const path of paths.map((path) => join(root, path))) {
    if (!existsSync(path)) continue;
    if (statSync(path).isFile()) files.push(path);
    else
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
  }
  const own = files
    .map((path) => relative(root, path))
    .filter((path) => !/(^|\/)(dist|build|node_modules)\//.test(path));
  return sha256(...own.sort().flatMap((path) => [path, readFileSync(join(root, path))]));
}

/** Does the work unless its result is there, and the stamp says that it was made from just this state of its inputs. */
export async function rebuildIfChanged(
  result: string,
  stamp: string,
  state: string,
  work: () => Promise<void>,
): Promise<void> {
  if (existsSync(result) && existsSync(stamp) && readFileSync(stamp, "utf8") === state) return;
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, state);
}

/** A port of this machine on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
