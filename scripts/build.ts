// npm run build: builds everything that is published or deployed: the npm package (browser/dist), the page (www/dist)
// and the Worker (worker/build).
import { buildBrowser } from "./build-browser.ts";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { main, stage } from "./lib.ts";
import { ensureCargo } from "./tools.ts";

await main(async () => {
  await ensureCargo();
  await stage("package", buildBrowser);
  await stage("page", buildPage);
  await stage("Worker", () => buildWorker(true));
});
