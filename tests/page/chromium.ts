// Opens pages in Chromium and records their errors.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const paths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export function launch(): Promise<Browser> {
  const executablePath = process.env.CHROME_PATH ?? paths.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error("No Chromium found: install it, or set CHROME_PATH.");
  // Chromium's sandbox does not work for root, and the pages are trusted.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

export interface OpenPage {
  page: Page;
  /** Console errors, including Content-Security-Policy violations, and uncaught exceptions. */
  errors: string[];
}

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  return { page, errors };
}
