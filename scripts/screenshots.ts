// npm run screenshots: writes docs/dashboard.png, which shows the dashboard with demo data served by `npm start`.
import { spawn } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch, open } from "../tests/page/chromium.ts";
import { freePort, main, root, UserError } from "./lib.ts";
import { chrome } from "./tools.ts";

const TODAY = "2026-09-01";
const MAX_BYTES = 200 * 1024;

await main(async () => {
  process.env.CHROME_PATH = (await chrome()).browser;
  const start = spawn("node", ["scripts/start.ts", "--port", `${await freePort()}`, "--today", TODAY], {
    cwd: root,
    // Keeps the local database of `npm start` unchanged.
    env: { ...process.env, STREAMGAGE_HOME: join(root, "target/screenshots") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const browser = await launch();
  try {
    let link: string | undefined;
    for await (const line of createInterface({ input: start.stdout })) {
      console.log(line);
      const [, url, key] = /^ready (\S+) key (\S+)$/.exec(line) ?? [];
      if (url && key) link = `${url}/#key=${encodeURIComponent(key)}`;
      if (link) break;
    }
    if (link === undefined) throw new UserError("npm start failed");
    const { page, errors } = await open(browser, link, {
      viewport: { width: 1200, height: 1000 },
      deviceScaleFactor: 1.25,
      colorScheme: "light",
      reducedMotion: "reduce",
    });
    await page.getByRole("button", { name: "Last 6 months" }).click();
    await page.locator("#status", { hasText: "2026-03-01 to 2026-09-01" }).waitFor();
    await page.locator("#team_id option").nth(1).waitFor({ state: "attached" });
    if (errors.length > 0) throw new UserError(errors.join("\n"));
    mkdirSync(join(root, "docs"), { recursive: true });
    const path = join(root, "docs/dashboard.png");
    // Ends below the charts, before the table.
    const charts = await page.locator("#metrics").boundingBox();
    const height = (charts?.y ?? 0) + (charts?.height ?? 0);
    await page.screenshot({ path, clip: { x: 0, y: 0, width: 1200, height } });
    const { size } = statSync(path);
    console.log(`docs/dashboard.png: ${size} bytes`);
    if (size > MAX_BYTES) throw new UserError(`docs/dashboard.png has more than ${MAX_BYTES} bytes`);
  } finally {
    await browser.close();
    start.kill();
  }
});
