// Shared by the scripts: runs programs, times stages, and skips work whose inputs have not changed.
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** An error that the user can fix. It is shown without a stack trace, and the exit code is 1. */
export class UserError extends Error {}

/** Reports whether an error is a UserError or an invalid argument for parseArgs. */
const isUserError = (error: Error & { code?: unknown }): boolean =>
  error instanceof UserError || String(error.code).startsWith("ERR_PARSE_ARGS");

/** Runs a script's main function. A UserError is printed as one line. */
export async function main(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error && isUserError(error) ? `error: ${error.message}` : error);
    process.exit(1);
  }
}

export type RunOptions = { env?: Record<string, string>; cwd?: string; input?: string; capture?: boolean };

const children = new Set<ChildProcess>();

/** Sends a signal to all programs started by `run`. */
export function stopChildren(signal: NodeJS.Signals): void {
  for (const child of children) child.kill(signal);
}

/** Runs a program and throws if it fails. With `capture`, returns its standard output instead of showing it. */
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
    child.on("error", () => reject(new UserError(`${command} could not be started; check that it is installed`)));
    child.on("close", (code, signal) => {
      children.delete(child);
      if (code === 0) resolve(Buffer.concat(output).toString());
      else reject(new UserError(`failed (${signal ?? `exit code ${code}`}): ${[command, ...args].join(" ")}`));
    });
  });
}

export const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Runs a part of a script and prints its name and duration. */
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

/** Returns the path of an installed program, or undefined. */
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

/** Hashes files and folders, given by paths from the root, except dist, build and node_modules folders. */
export async function fingerprint(...paths: string[]): Promise<string> {
  const files: string[] = [];
  for (const path of paths.map((path) => join(root, path))) {
    if (!existsSync(path)) continue;
    if (statSync(path).isFile()) files.push(path);
    else files.push(...filesIn(path).map((name) => join(path, name)));
  }
  const hashed = files
    .map((path) => relative(root, path))
    .filter((path) => !/(^|\/)(dist|build|node_modules)\//.test(path));
  return sha256(...hashed.sort().flatMap((path) => [path, readFileSync(join(root, path))]));
}

/** Runs the work unless its result exists and the stamp file contains the current state of the inputs. */
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

/** Lists all files of a folder and its subfolders, by relative path. */
export const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    : [];

/**
 * Builds into a fresh folder, then moves every changed file into place by an atomic rename and deletes the others. A server
 * that runs from the target folder never sees a missing or half-written file.
 */
export async function buildFolder(target: string, build: (folder: string) => Promise<void>): Promise<void> {
  mkdirSync(join(root, "target"), { recursive: true });
  const fresh = mkdtempSync(join(root, "target/build-"));
  try {
    await build(fresh);
    const depth = (file: string) => file.split(sep).length;
    // Deeper files first, because pages refer to assets in subfolders.
    const files = filesIn(fresh).sort((a, b) => depth(b) - depth(a));
    for (const file of files) {
      const [source, destination] = [join(fresh, file), join(target, file)];
      if (existsSync(destination) && readFileSync(source).equals(readFileSync(destination))) continue;
      mkdirSync(dirname(destination), { recursive: true });
      renameSync(source, destination);
    }
    for (const file of filesIn(target)) if (!files.includes(file)) rmSync(join(target, file));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Returns a free local port. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
