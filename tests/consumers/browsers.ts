// The text of a page in Chromium, Firefox and WebKit.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOnPath, freePort, UserError } from "../../scripts/lib.ts";
import { launch } from "../page/chromium.ts";

/** A running browser. */
export interface TestBrowser {
  name: string;
  version: string;
  /** Opens a page, waits for its text, and returns it. */
  text(url: string): Promise<string>;
  close(): Promise<void>;
}

/** The longest time to wait for a browser or for the text of a page, in milliseconds. */
const LIMIT = 60_000;
const TEXT = "document.body ? document.body.innerText.trim() : ''";

export async function chromium(): Promise<TestBrowser> {
  const browser = await launch();
  return {
    name: "Chromium",
    version: browser.version(),
    close: () => browser.close(),
    async text(url) {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on("response", (response) => response.ok() || errors.push(`${response.status()} ${response.url()}`));
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      try {
        await page.goto(url);
        // A development server may load the page again.
        return await wait("Chromium", async () => (await page.evaluate(TEXT)) as string);
      } catch (error) {
        throw new Error(`Chromium shows no text: ${errors.join("; ")}`, { cause: error });
      } finally {
        await page.close();
      }
    },
  };
}

/** Starts Firefox, controlled by WebDriver BiDi. Playwright requires commands that Firefox ESR does not have. */
export async function firefox(): Promise<TestBrowser> {
  const port = await freePort();
  const profile = mkdtempSync(join(tmpdir(), "streamgage-firefox-"));
  const process = start("firefox", ["--headless", "--profile", profile, `--remote-debugging-port=${port}`]);
  const socket = await wait("Firefox", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/session`);
    await once(socket, "open", { signal: AbortSignal.timeout(2_000) });
    return socket;
  });
  let lastId = 0;
  const call = async (method: string, params: object): Promise<any> => {
    const id = (lastId += 1);
    socket.send(JSON.stringify({ id, method, params }));
    for (;;) {
      const [event] = (await once(socket, "message", { signal: AbortSignal.timeout(LIMIT) })) as [MessageEvent<string>];
      const reply = JSON.parse(event.data) as { id?: number; result?: unknown; message?: string };
      if (reply.id !== id) continue;
      if (reply.result === undefined) throw new Error(`Firefox: ${reply.message}`);
      return reply.result;
    }
  };
  const session = await call("session.new", { capabilities: {} });
  return {
    name: "Firefox",
    version: session.capabilities.browserVersion,
    async text(url) {
      const { context } = await call("browsingContext.create", { type: "tab" });
      await call("browsingContext.navigate", { context, url, wait: "complete" });
      const evaluation = { expression: TEXT, target: { context }, awaitPromise: false };
      return wait("Firefox", async () => (await call("script.evaluate", evaluation)).result.value);
    },
    async close() {
      socket.close();
      await stop(process);
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Starts WebKitGTK, controlled by WebDriver. */
export async function webkit(): Promise<TestBrowser> {
  const port = await freePort();
  const process = start("xvfb-run", ["--auto-servernum", program("WebKitWebDriver"), `--port=${port}`]);
  const call = async (method: string, path: string, body?: object): Promise<any> => {
    const init = { method, ...(body ? { body: JSON.stringify(body) } : {}), signal: AbortSignal.timeout(LIMIT) };
    const { value } = (await (await fetch(`http://127.0.0.1:${port}${path}`, init)).json()) as { value: any };
    if (value?.error) throw new Error(`WebKit: ${value.error}: ${value.message}`);
    return value;
  };
  await wait("WebKit", () => call("GET", "/status"));
  const session = await call("POST", "/session", { capabilities: { alwaysMatch: {} } });
  const path = `/session/${session.sessionId}`;
  return {
    name: "WebKitGTK",
    version: session.capabilities.browserVersion,
    async text(url) {
      await call("POST", `${path}/url`, { url });
      return wait("WebKit", () => call("POST", `${path}/execute/sync`, { script: `return ${TEXT}`, args: [] }));
    },
    async close() {
      await call("DELETE", path).catch(() => undefined);
      await stop(process);
    },
  };
}

function program(name: string): string {
  const path = findOnPath(name);
  if (path !== undefined) return path;
  throw new UserError(`${name} is missing (Debian: apt-get install firefox-esr webkit2gtk-driver xvfb xauth)`);
}

/** Starts a program in a process group of its own. */
const start = (name: string, args: string[]): ChildProcess =>
  spawn(program(name), args, { detached: true, stdio: "ignore" });

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  process.kill(-child.pid, "SIGTERM");
  await ended;
}

/** Repeats an attempt until it returns something. */
async function wait<Value>(name: string, attempt: () => Promise<Value | undefined>): Promise<Value> {
  let failure: unknown;
  for (const end = Date.now() + LIMIT; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    try {
      const value = await attempt();
      if (value) return value;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`${name} does not answer`, { cause: failure });
}
