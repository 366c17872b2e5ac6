// npm run build: everything that is published or deployed, as small as it gets: the npm package into browser/dist,
// the page into www/dist, the Worker's module into worker/build.
import { buildBrowser } from "./build-browser.ts";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { main, stage } from "./lib.ts";
import { cargo } from "./tools.ts";

await main(async () => {
  await cargo();
  await stage("package", buildBrowser);
  await stage("page", buildPage);
  await stage("Worker", () => buildWorker(true));
});
