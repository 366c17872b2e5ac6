// The same page, served by the Worker itself in workerd; or by the one that STREAMGAGE_URL and STREAMGAGE_KEY tell of.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { buildWorker } from "../../scripts/build-worker.ts";
import { corpora } from "../conformance.ts";
import { loadDump, start, type Worker } from "../worker/harness.ts";
import { launch, open } from "./browser.ts";

let browser: Browser;
let worker: Worker | undefined;
let url = process.env.STREAMGAGE_URL ?? "";
let key = process.env.STREAMGAGE_KEY ?? "";

before(async () => {
  browser = await launch();
  if (url !== "") return;
  await buildWorker(false);
  // The project's own, which is the smaller one.
  const corpus = corpora().at(-1);
  assert.ok(corpus);
  worker = await start({ vars: { TODAY: corpus.today } });
  await loadDump(worker, corpus.dump);
  url = worker.url.origin;
  key = await worker.key("metrics core");
});
after(async () => {
  await browser.close();
  await worker?.close();
});

test("a link with the key shows the Worker's own numbers", async () => {
  const { page, complaints } = await open(browser, `${url}/?resolution=week#key=${key}`);
  await page.getByRole("button", { name: "3 years" }).click();
  await page.locator("tbody tr").nth(20).waitFor();
  assert.ok(!page.url().includes(key));

  // What the table shows is what the API answers to the request shown below it.
  const request = await page.locator("#request-url").innerText();
  const answer = await fetch(request, { headers: { Authorization: `Bearer ${key}` } });
  const { results } = (await answer.json()) as { results: Record<string, number>[] };
  const cells = await page.locator("tbody tr").first().locator("td").allInnerTexts();
  const fields = ["active_days", "commit_count", "total_impact", "total_efficiency"];
  assert.deepEqual(
    cells.map((cell) => Number(cell.replaceAll(",", ""))),
    fields.map((field) => results[0]?.[field]),
  );
  assert.equal(await page.locator("tbody tr").count(), results.length);
  assert.ok((await page.locator("#team_id option").count()) > 1, "the teams are listed");

  await page.locator("#apex_user_id").click();
  await page.locator("#users [role=option]").first().waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the page judges dates by the Worker's today", async () => {
  const { today } = (await (await fetch(`${url}/healthz`)).json()) as { today: string };
  const tooOld = `${Number(today.slice(0, 4)) - 4}${today.slice(4)}`.replace("-02-29", "-02-28");
  const { page, complaints } = await open(browser, `${url}/?start_date=${tooOld}&resolution=week#key=${key}`);
  const error = page.locator("#start_date-error");
  await error.waitFor();
  assert.equal(await error.innerText(), "Provide a valid date. Date cannot be more than 3 years prior to now.");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("before an upstream the page shows the upstream's numbers, and asks for its key", async () => {
  const corpus = corpora().at(-1);
  assert.ok(corpus);
  const proxy = await start({ vars: { UPSTREAM: url, CACHE_SECRET: "of the tests", TODAY: corpus.today } });
  try {
    const { page, complaints } = await open(browser, `${proxy.url.origin}/?resolution=week#key=wrong`);
    await page.locator("#key-error").waitFor();
    assert.equal(await page.locator("#key-error").innerText(), "Invalid token. Enter another key.");
    complaints.length = 0;
    await page.locator("#key").fill(key);
    await page.locator("#key").press("Enter");
    await page.locator("#results").waitFor();
    await page.getByRole("button", { name: "3 years" }).click();
    await page.locator("tbody tr").nth(20).waitFor();
    assert.ok((await page.locator("#team_id option").count()) > 1, "the teams are listed");
    await page.locator("#apex_user_id").click();
    await page.locator("#users [role=option]").first().waitFor();
    // A proxy tells nothing of a data set, which the browser remarks on.
    assert.equal(await page.locator("#demo").isVisible(), false);
    assert.deepEqual(complaints, ["Failed to load resource: the server responded with a status of 404 (Not Found)"]);
    await page.context().close();
  } finally {
    await proxy.close();
  }
});

test("a wrong key is asked for again", async () => {
  const { page } = await open(browser, `${url}/#key=wrong`);
  await page.locator("#key-error").waitFor();
  assert.equal(await page.locator("#key-error").innerText(), "Invalid token. Enter another key.");
  await page.context().close();
});

test("the page carries a strict Content-Security-Policy", async () => {
  const policy = (await fetch(`${url}/`)).headers.get("Content-Security-Policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
});

test("the API is documented, and can be tried, without anything from elsewhere", async () => {
  const elsewhere: string[] = [];
  const { page, complaints } = await open(browser, `${url}/docs/#key=${key}`, {
    viewport: { width: 390, height: 800 },
    colorScheme: "dark",
  });
  page.on("request", (request) => request.url().startsWith(url) || elsewhere.push(request.url()));
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
  assert.equal(await page.locator(".endpoint").count(), Object.keys(paths).length);
  assert.ok(!page.url().includes(key));
  assert.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    "it is as wide as the screen",
  );

  const send = async (id: string) => {
    await page.locator(`#${id} .try button`).click();
    return page.locator(`#${id} .try output pre`).innerText();
  };
  const answer = await fetch(`${url}/v3/customer/core/tags/`, { headers: { Authorization: `Bearer ${key}` } });
  assert.deepEqual(JSON.parse(await send("list_tags")), await answer.json());
  // The dates of the example are too long ago; those that are sent are not.
  assert.ok(Array.isArray(JSON.parse(await send("period_metrics")).results));
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
  await page.context().close();
});
