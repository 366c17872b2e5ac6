// Chromium, and a page that remembers every complaint the browser has.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export function launch(): Promise<Browser> {
  const executablePath = process.env.CHROME_PATH ?? places.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error("No Chromium found: install it, or set CHROME_PATH.");
  // Root may not use Chromium's sandbox; the pages are our own.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

export interface Watched {
  page: Page;
  /** Errors on the console (a broken Content-Security-Policy too) and uncaught ones. */
  complaints: string[];
}

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}
