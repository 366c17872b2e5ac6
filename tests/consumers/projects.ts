// Projects that install the packed package, and what is run in them.
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, extname, join } from "node:path";
import { freePort } from "../../scripts/lib.ts";
import type { TestBrowser } from "./browsers.ts";

/** The text that every project prints or shows. */
export const ANSWER =
  '[{"period_start_date":"2026-06-01","active_days":1,"commit_count":1,"total_impact":4.5,"total_efficiency":100}]';

/** The longest time that a command may take, in milliseconds. */
const LIMIT = 300_000;
const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** A folder in which the package is installed. */
export class Project {
  readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;

  constructor(folder: string) {
    this.folder = folder;
    const path = join(folder, "node_modules/.bin") + delimiter + process.env.PATH;
    this.env = { ...process.env, PATH: path, CI: "1", NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "" };
  }

  /** Runs a command and returns its standard output. */
  run(command: string, ...args: string[]): string {
    try {
      const options = { cwd: this.folder, env: this.env, encoding: "utf8", timeout: LIMIT, stdio: "pipe" } as const;
      return execFileSync(command, args, options);
    } catch (error) {
      const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(" ")}\n${stdout}${stderr || message}`);
    }
  }

  /** Runs a command that prints the answer, once or in several lines. */
  prints(command: string, ...args: string[]): void {
    const lines = this.run(command, ...args)
      .trim()
      .split("\n");
    for (const line of lines) assert.equal(line, ANSWER);
  }

  /** Opens a page of the project's files. */
  async shows(browser: TestBrowser, page: string): Promise<void> {
    const server = createServer((request, response) => {
      const file = join(this.folder, decodeURIComponent((request.url ?? "").split("?")[0] ?? ""));
      if (request.url === "/favicon.ico") return response.writeHead(204).end();
      if (!file.startsWith(this.folder) || !existsSync(file)) return response.writeHead(404).end();
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "text/plain" });
      createReadStream(file).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      assert.equal(await browser.text(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${page}`), ANSWER);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  /** Runs a server, which gets a free port as the last argument, and calls `check` with its origin. */
  async serves(command: string[], check: (origin: string) => Promise<void>): Promise<void> {
    const port = await freePort();
    const [program = "", ...args] = [...command, String(port)];
    const server = spawn(program, args, { cwd: this.folder, env: this.env, detached: true, stdio: "pipe" });
    let output = "";
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (data: Buffer) => (output += data));
    const origin = `http://127.0.0.1:${port}`;
    try {
      await listens(origin, server);
      await check(origin);
    } catch (error) {
      throw new Error(`${command.join(" ")}\n${output}`, { cause: error });
    } finally {
      if (server.exitCode === null && server.pid) process.kill(-server.pid, "SIGKILL");
    }
  }
}

async function listens(origin: string, server: ChildProcess): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end && server.exitCode === null;) {
    if (await fetch(origin).then(Boolean, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the server does not listen");
}
