// The dashboard and API documentation served by a Worker in workerd, or by the one at STREAMGAGE_URL with STREAMGAGE_KEY.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { buildWorker } from "../../scripts/build-worker.ts";
import { corpora } from "../conformance.ts";
import { loadDump, start, type Worker } from "../worker/harness.ts";
import { launch, open } from "./chromium.ts";

let browser: Browser;
let worker: Worker | undefined;
let url = process.env.STREAMGAGE_URL ?? "";
let key = process.env.STREAMGAGE_KEY ?? "";

before(async () => {
  browser = await launch();
  if (url !== "") return;
  await buildWorker(false);
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

test("a link with a key shows the metrics of the Worker", async () => {
  const { page, errors } = await open(browser, `${url}/?resolution=week#key=${key}`);
  await page.getByRole("button", { name: "3 years" }).click();
  await page.locator("tbody tr").nth(20).waitFor();
  assert.ok(!page.url().includes(key));

  // The table matches the response to the request shown below it.
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
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the page validates dates against the Worker's current day", async () => {
  const { today } = (await (await fetch(`${url}/healthz`)).json()) as { today: string };
  const tooOld = `${Number(today.slice(0, 4)) - 4}${today.slice(4)}`.replace("-02-29", "-02-28");
  const { page, errors } = await open(browser, `${url}/?start_date=${tooOld}&resolution=week#key=${key}`);
  const error = page.locator("#start_date-error");
  await error.waitFor();
  assert.equal(await error.innerText(), "Provide a valid date. Date cannot be more than 3 years prior to now.");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a proxy serves the page with the metrics of its upstream and asks for an upstream key", async () => {
  const corpus = corpora().at(-1);
  assert.ok(corpus);
  const proxy = await start({ vars: { UPSTREAM: url, CACHE_SECRET: "test secret", TODAY: corpus.today } });
  try {
    const { page, errors } = await open(browser, `${proxy.url.origin}/?resolution=week#key=wrong`);
    await page.locator("#key-error").waitFor();
    assert.equal(await page.locator("#key-error").innerText(), "Invalid token. Enter another key.");
    errors.length = 0;
    await page.locator("#key").fill(key);
    await page.locator("#key").press("Enter");
    await page.locator("#results").waitFor();
    await page.getByRole("button", { name: "3 years" }).click();
    await page.locator("tbody tr").nth(20).waitFor();
    assert.ok((await page.locator("#team_id option").count()) > 1, "the teams are listed");
    await page.locator("#apex_user_id").click();
    await page.locator("#users [role=option]").first().waitFor();
    // A proxy has no /dataset, which Chromium logs.
    assert.equal(await page.locator("#demo").isVisible(), false);
    assert.deepEqual(errors, ["Failed to load resource: the server responded with a status of 404 (Not Found)"]);
    await page.context().close();
  } finally {
    await proxy.close();
  }
});

test("the page asks again after an invalid key", async () => {
  const { page } = await open(browser, `${url}/#key=wrong`);
  await page.locator("#key-error").waitFor();
  assert.equal(await page.locator("#key-error").innerText(), "Invalid token. Enter another key.");
  await page.context().close();
});

test("the page has a strict Content-Security-Policy", async () => {
  const policy = (await fetch(`${url}/`)).headers.get("Content-Security-Policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
});

test("the documentation page lists all endpoints, sends requests and loads nothing from other hosts", async () => {
  const foreignRequests: string[] = [];
  const { page, errors } = await open(browser, `${url}/docs/#key=${key}`, {
    viewport: { width: 390, height: 800 },
    colorScheme: "dark",
  });
  page.on("request", (request) => request.url().startsWith(url) || foreignRequests.push(request.url()));
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
  assert.equal(await page.locator(".endpoint").count(), Object.keys(paths).length);
  assert.ok(!page.url().includes(key));
  assert.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    "the page does not scroll horizontally",
  );

  const send = async (id: string) => {
    await page.locator(`#${id} .try button`).click();
    return page.locator(`#${id} .try output pre`).innerText();
  };
  const answer = await fetch(`${url}/v3/customer/core/tags/`, { headers: { Authorization: `Bearer ${key}` } });
  assert.deepEqual(JSON.parse(await send("list_tags")), await answer.json());
  // The page replaces the example dates, which are too old, and ids that the server does not have.
  assert.ok(Array.isArray(JSON.parse(await send("period_metrics")).results));
  await page.locator("#get_users").scrollIntoViewIfNeeded();
  await page.waitForLoadState("networkidle");
  assert.ok(JSON.parse(await send("get_users")).id > 0);
  for (const id of ["period_metrics", "list_commits", "aggregate_commits", "get_users"]) {
    const commands = await page.locator(`#${id} details:has(.s2) .curl`).allTextContents();
    assert.notEqual(commands.length, 0, id);
    for (const command of commands) {
      const [, path] = /'(.+)'$/.exec(command.trim()) ?? [];
      const { status } = await fetch(path ?? "", { headers: { Authorization: `Bearer ${key}` } });
      assert.equal(status, 200, command);
    }
  }
  // Requests that write are sent after a confirmation only.
  const questions: string[] = [];
  page.once("dialog", (dialog) => (questions.push(dialog.message()), void dialog.dismiss()));
  await page.locator("#import_tags .try button").click();
  await page.locator("#import_tags .try output", { hasText: "The request was not sent." }).waitFor();
  assert.deepEqual(questions, ["Send POST /import/tags? The request changes the data on this server."]);
  assert.deepEqual(foreignRequests, []);
  assert.deepEqual(errors, []);
  await page.context().close();
});
