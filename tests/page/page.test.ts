// The page in Chromium, against canned answers.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, open, type Watched } from "./browser.ts";
import { type CannedServer, KEY, serve, TODAY } from "./server.ts";

const METRICS = "/v3/customer/metrics/";
const TOO_OLD = "Provide a valid date. Date cannot be more than 3 years prior to now.";

let browser: Browser;
let server: CannedServer;
let opened: Watched[] = [];

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await serve();
});
afterEach(async () => {
  for (const { page } of opened) await page.context().close();
  opened = [];
  await server.close();
});

async function visit(path: string, options: Parameters<typeof open>[2] = {}): Promise<Watched> {
  const watched = await open(browser, server.url + path, options);
  opened.push(watched);
  return watched;
}

/** The page with its key, its numbers shown. */
async function dashboard(query = "", options: Parameters<typeof open>[2] = {}): Promise<Watched> {
  const watched = await visit(`/${query}#key=${KEY}`, options);
  await watched.page.locator("#results").waitFor();
  return watched;
}

/** Waits for the answers to what was asked. */
const settled = (page: Page) => page.locator("#dashboard[aria-busy=false]").waitFor();
const text = (page: Page, selector: string) => page.locator(selector).innerText();
const parameters = (page: Page) => Object.fromEntries(new URL(page.url()).searchParams);
/** The last request for rows, the ones for whole periods apart. */
const lastWeekly = () => new URLSearchParams(server.asked.findLast((query) => query.includes("resolution=week")));

test("a link with the key in its fragment shows charts and table, and the key leaves the address", async () => {
  const { page, complaints } = await dashboard();
  assert.equal(page.url(), `${server.url}/`);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), "{}");
  assert.equal(await page.locator(".chart canvas").count(), 4);
  assert.equal(await page.locator("tbody tr").count(), 12);
  assert.match(await text(page, "tbody tr:last-child"), /2026-08-31 in progress, 2 of 7 days/);
  assert.match(await text(page, "#table-note"), /^1 week had no commits/);
  assert.equal(await text(page, "#demo"), "Demo data");
  assert.equal(await text(page, "#dataset"), "Made-up organisation");
  assert.deepEqual(complaints, []);

  await page.reload();
  await page.locator("#results").waitFor();
  await page.goBack();
  assert.ok(!page.url().includes(KEY), "no entry of the history holds the key");
});

test("the whole period stands above the charts, beside the period before", async () => {
  const { page } = await dashboard("?start_date=2026-08-03&end_date=2026-08-30&resolution=week");
  assert.match(await text(page, "article:nth-of-type(1)"), /Coding days active_days\s+2\.\d\s+per week/);
  assert.match(await text(page, "article:nth-of-type(1)"), /(on|as in) the 28 days before/);
  const periods = server.asked.filter((query) => query.includes("resolution=period")).sort();
  assert.deepEqual(periods, [
    "start_date=2026-07-06&end_date=2026-08-02&resolution=period",
    "start_date=2026-08-03&end_date=2026-08-30&resolution=period",
  ]);
});

test("no period before is asked for where it would begin more than 3 years ago", async () => {
  await dashboard("?start_date=2023-09-01&end_date=2026-09-01&resolution=week");
  assert.equal(server.asked.length, 2);
});

test("hovering a chart tells the week's values in all four", async () => {
  const { page } = await dashboard("?start_date=2026-06-08&end_date=2026-09-01&resolution=week");
  await page.locator(".chart").first().hover();
  for (const readout of await page.locator(".readout").all()) {
    assert.match(await readout.innerText(), /^2026-07-\d\d: \d/);
  }
});

test("a bad date shows the documented message beside its field, and nothing is sent", async () => {
  const { page, complaints } = await dashboard();
  const sent = server.asked.length;
  const address = page.url();
  await page.locator("#start_date").fill("2020-01-01");
  await page.locator("#start_date-error").waitFor();
  assert.equal(await text(page, "#start_date-error"), TOO_OLD);
  assert.equal(await page.locator("#start_date").getAttribute("aria-describedby"), "start_date-error");
  assert.equal(await page.locator("#start_date").getAttribute("aria-invalid"), "true");
  assert.match(await text(page, "#status"), /^Not sent/);
  assert.equal(await page.locator("#request").isVisible(), false);

  await page.locator("#start_date").fill("2026-08-01");
  await page.locator("#end_date").fill("2026-07-01");
  await page.locator("#end_date-error").waitFor();
  assert.equal(await text(page, "#end_date-error"), "Provide a valid date. end_date cannot be before start_date.");
  assert.equal(await page.locator("#start_date-error").isVisible(), false);
  assert.equal(server.asked.length, sent);
  assert.equal(page.url(), address, "the address stays with what is shown");

  await page.locator("#end_date").fill("2026-08-31");
  await page.locator("#end_date-error").waitFor({ state: "hidden" });
  await page.locator("#request").waitFor();
  assert.deepEqual(complaints, []);
});

test("a date left out, or only half typed, is told too", async () => {
  const { page } = await dashboard();
  await page.locator("#start_date").fill("");
  await page.locator("#start_date-error").waitFor();
  assert.equal(await text(page, "#start_date-error"), "This field is required.");

  await page.locator("#end_date").fill("");
  await page.locator("#end_date").press("1");
  await page.locator("#end_date").blur();
  await page.locator("#end_date-error").waitFor();
  assert.equal(await text(page, "#end_date-error"), TOO_OLD);

  await page.getByRole("button", { name: "Last 4 weeks" }).click();
  await page.waitForURL(/start_date=2026-08-03&end_date=2026-09-01/);
  assert.equal(await page.locator("[aria-invalid=true]").count(), 0);
});

test("an address with wrong values shows every message, and asks nothing", async () => {
  const { page } = await visit(
    `/?start_date=2026-02-31&resolution=month&team_id=x&include_nested_teams=yes&apex_user_id=y#key=${KEY}`,
  );
  await page.locator("#start_date-error").waitFor();
  const choice = (value: string, choices: string) =>
    `Provide a valid choice. '${value}' is not one of the available choices: [${choices}]`;
  assert.equal(await text(page, "#start_date-error"), TOO_OLD);
  assert.equal(await text(page, "#resolution-error"), choice("month", "'period', 'week'"));
  assert.equal(await text(page, "#include_nested_teams-error"), choice("yes", "'true', 'false'"));
  assert.equal(await text(page, "#team_id-error"), "Enter a number.");
  assert.equal(await text(page, "#apex_user_id-error"), "Enter a number.");
  assert.deepEqual(server.asked, []);
});

test("the view is in the address, and comes back from it", async () => {
  const { page } = await dashboard();
  await page.getByRole("button", { name: "Last 4 weeks" }).click();
  await page.waitForURL(/start_date=2026-08-03/);
  await page.locator("#team_id").selectOption({ label: "Platform" });
  await page.locator("#include_nested_teams").check();
  await page.locator("#repo_name").fill("api");
  await page.waitForURL(/repo_name=api/);
  await settled(page);
  const shared = parameters(page);
  assert.deepEqual(shared, {
    start_date: "2026-08-03",
    end_date: TODAY,
    include_nested_teams: "true",
    resolution: "week",
    team_id: "100",
    repo_name: "api",
  });
  assert.deepEqual(Object.fromEntries(lastWeekly()), shared);

  const other = await dashboard(new URL(page.url()).search);
  assert.equal(await other.page.locator("#team_id").inputValue(), "100");
  assert.equal(await other.page.locator("#include_nested_teams").isChecked(), true);
  assert.equal(await other.page.locator("#repo_name").inputValue(), "api");
  assert.equal(await other.page.getByRole("button", { name: "Last 4 weeks" }).getAttribute("aria-pressed"), "true");

  await page.goBack();
  await page.waitForFunction(() => (document.querySelector("#repo_name") as HTMLInputElement).value === "");
});

test("teams are a tree, and names are text", async () => {
  const { page } = await dashboard();
  await page.locator("#team_id option").nth(5).waitFor({ state: "attached" });
  assert.deepEqual(await page.locator("#team_id option").allTextContents(), [
    "All teams",
    "Platform",
    "\u2003Storage",
    "\u2003\u2003Indexes",
    "Product",
    "\u2003<b>Bold</b>",
  ]);
});

test("any of 1,171 users is found by typing, hidden ones apart", async () => {
  const { page } = await dashboard();
  const user = page.locator("#apex_user_id");
  await user.fill("user1170");
  await page.locator("#users [role=option]").first().waitFor();
  assert.equal(await page.locator("#users [role=option]").count(), 1);
  await user.press("Enter");
  await page.waitForURL(/apex_user_id=1170/);
  assert.equal(await user.inputValue(), "user1170");
  // The button lies on the field: a long name ends before it.
  const clear = await page.locator("#clear-user").boundingBox();
  const padding = await user.evaluate((field) => parseFloat(getComputedStyle(field).paddingRight));
  assert.ok(clear && padding >= clear.width, `${padding}`);

  await user.fill("user0007");
  await page.getByText("No such user.").waitFor();
  await user.press("Escape");
  assert.equal(await user.inputValue(), "user1170");

  await user.fill("");
  await page.getByText("1120 more: type to narrow the list.").waitFor();
  await page.getByRole("button", { name: "Show all users" }).click();
  await page.waitForFunction(() => !location.search.includes("apex_user_id"));
});

test("no commits: the page says so, and offers ways out", async () => {
  const { page, complaints } = await visit(`/?start_date=2026-08-01&resolution=week&team_id=101#key=${KEY}`);
  await page.locator("#empty").waitFor();
  assert.match(await text(page, "#empty"), /No commits in this range[^]*2026-08-01 to 2026-09-01 for team Product/);
  assert.equal(await page.locator("#results").isVisible(), false);
  await page.locator("#empty").getByRole("button", { name: "Include nested teams" }).click();
  await page.locator("#results").waitFor();
  assert.equal(await page.locator("#empty").isVisible(), false);
  assert.deepEqual(complaints, []);
});

test("without a key the page asks for one; a refused key is asked for again, having failed once", async () => {
  const { page, complaints } = await visit("/");
  await page.locator("#key").fill("wrong");
  await page.keyboard.press("Enter");
  await page.locator("#key-error").waitFor();
  assert.equal(await text(page, "#key-error"), "Invalid token. Enter another key.");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(complaints.length, 1, "one request failed");
  assert.deepEqual(server.asked, []);

  await page.locator("#key").fill("two words");
  await page.keyboard.press("Enter");
  assert.equal(await text(page, "#key-error"), "A key is one word without spaces.");

  await page.locator("#key").fill(KEY);
  await page.keyboard.press("Enter");
  await page.locator("#results").waitFor();
  await page.getByRole("button", { name: "Forget key" }).click();
  assert.equal(await page.locator("#key").isVisible(), true);
  assert.equal(await page.locator("#dashboard").isVisible(), false);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("403, 429, 500, nonsense and silence are told apart, and tried again", async () => {
  const { page } = await dashboard();
  const problem = page.locator("#problem");
  const refresh = page.getByRole("button", { name: "Refresh" });
  const said = async (pattern: RegExp) => {
    await refresh.click();
    await page.locator("#problem").getByText(pattern).first().waitFor();
    assert.equal(await page.locator("#results").isVisible(), false);
  };
  const detail = (detail: string) => ({ detail });
  server.answers.set(METRICS, { status: 403, body: detail("You do not have permission to perform this action.") });
  await said(/You do not have permission to perform this action\. Ask for a key with the Metrics permission/);
  server.answers.set(METRICS, { status: 500, body: { error: ["Unknown error occurred"] } });
  await said(/It answered 500\./);
  server.answers.set(METRICS, { status: 200, body: "hello" });
  await said(/not with metrics/);
  server.answers.set(METRICS, { status: 400, body: { start_date: ["Bad."], repo_tag_id: ["Worse."] } });
  await said(/start_date: Bad\. repo_tag_id: Worse\./);
  assert.equal(await text(page, "#start_date-error"), "Bad.");
  await page.context().setOffline(true);
  await said(/did not answer/);
  server.answers.delete(METRICS);
  await page.context().setOffline(false);
  await page.locator("#results").waitFor();
  assert.equal(await problem.isVisible(), false);

  const throttled = detail("Request was throttled. Expected available in 1 seconds.");
  server.answers.set(METRICS, { status: 429, body: throttled, headers: { "Retry-After": "1" } });
  await said(/available in 1 seconds\. This page asks again by itself in 1 seconds/);
  server.answers.delete(METRICS);
  await page.locator("#results").waitFor();

  server.answers.set(METRICS, { status: 500, body: {} });
  await said(/500/);
  server.answers.delete(METRICS);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#results").waitFor();
});

test("a key without core lists still shows metrics", async () => {
  server.answers.set("/v3/customer/core/", { status: 403, body: { detail: "No." } });
  const { page } = await dashboard("?start_date=2026-08-01&resolution=week&team_id=100");
  await page.locator("#lists-problem").waitFor();
  assert.equal(await text(page, "#lists-problem"), "Teams can't be listed: No.");
  assert.equal(await page.locator("#team_id").inputValue(), "100");
  await page.locator("#apex_user_id").fill("12");
  await page.getByText("An id can be typed instead").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/apex_user_id=12/);
});

test("a newer request ends the one before", async () => {
  const { page } = await dashboard();
  server.answers.set(METRICS, { status: 500, body: {}, after: 1500 });
  await page.getByRole("button", { name: "Last year" }).click();
  await page.waitForURL(/start_date=2025-09-01/);
  server.answers.delete(METRICS);
  await page.getByRole("button", { name: "Last 4 weeks" }).click();
  await page.locator("#status", { hasText: "2026-08-03 to 2026-09-01" }).waitFor();
  await page.waitForTimeout(1700);
  assert.equal(await page.locator("#problem").isVisible(), false);
  assert.match(await text(page, "#status"), /2026-08-03 to 2026-09-01/);
});

test("typing asks once, when it pauses", async () => {
  const { page } = await dashboard("?start_date=2026-08-01&resolution=week");
  const sent = server.asked.length;
  await page.locator("#repo_name").pressSequentially("some", { delay: 20 });
  await page.waitForURL(/repo_name=some/);
  await page.waitForTimeout(600);
  assert.equal(server.asked.length - sent, 3, "weeks, the period, and the period before");
});

test("resolution=period shows one row and no charts", async () => {
  const { page } = await dashboard();
  await page.locator("#resolution").selectOption("period");
  await page.locator("tbody tr", { hasText: "2026-06-08 to 2026-09-01" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.equal(await page.locator(".chart").first().isVisible(), false);
});

test("the table as CSV, and the request as curl without the key", async () => {
  const { page } = await dashboard("?start_date=2026-08-17&end_date=2026-08-30&resolution=week&repo_name=it's", {
    permissions: ["clipboard-read", "clipboard-write"],
    acceptDownloads: true,
  });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy as CSV" }).click();
  await page.getByText("Copied").waitFor();
  const lines = (await clipboard()).split("\r\n");
  assert.equal(lines[0], "period_start_date,active_days,commit_count,total_impact,total_efficiency");
  assert.match(lines[1] ?? "", /^2026-08-17(,\d+\.\d){4}$/);

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download CSV" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "streamgage_2026-08-17_2026-08-30.csv");

  await page.getByRole("button", { name: "Copy as curl" }).click();
  await page.locator("#copy-curl", { hasText: "Copied" }).waitFor();
  const endpoint = `${server.url}/v3/customer/metrics/code_fundamentals/period_metrics/`;
  assert.equal(
    await clipboard(),
    `curl -H "Authorization: Bearer $STREAMGAGE_KEY" ` +
      `'${endpoint}?start_date=2026-08-17&end_date=2026-08-30&resolution=week&repo_name=it%27s'`,
  );
  assert.ok(!(await page.content()).includes(KEY));
});

test("by keyboard alone: from the key to a team, a user and a week of a chart", async () => {
  const { page, complaints } = await visit("/");
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || "");
  const tabTo = async (wanted: string) => {
    for (let presses = 0; presses < 60; presses += 1) {
      if ((await focused()) === wanted) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab never comes to ${wanted}`);
  };
  await tabTo("key");
  await page.keyboard.type(KEY);
  await page.keyboard.press("Enter");
  await page.locator("#results").waitFor();

  await tabTo("team_id");
  await page.keyboard.type("Plat");
  await page.waitForURL(/team_id=100/);
  await tabTo("include_nested_teams");
  await page.keyboard.press("Space");
  await page.waitForURL(/include_nested_teams=true/);
  await tabTo("apex_user_id");
  await page.keyboard.type("user003");
  await page.locator("#users [role=option]").nth(2).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/apex_user_id=31/);
  await tabTo("chart");
  await settled(page);
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
  assert.equal(outline, "solid", "the focus is seen");
  await page.keyboard.press("Home");
  assert.match(await text(page, ".readout >> nth=0"), /^2026-06-08: /);
  await page.keyboard.press("ArrowRight");
  assert.match(await text(page, ".readout >> nth=3"), /^2026-06-15: /);
  assert.match((await page.locator(".chart").first().getAttribute("aria-valuetext")) ?? "", /^2026-06-15: /);
  await tabTo("copy-curl");
  assert.deepEqual(complaints, []);
});

test("nothing scrolls sideways at 360 pixels, in any state", async () => {
  const options = { viewport: { width: 360, height: 740 } };
  const queries = ["?start_date=2023-09-01&resolution=week", "?start_date=2026-08-01&resolution=week&team_id=101", ""];
  for (const query of queries) {
    const { page } = await visit(`/${query}${query && `#key=${KEY}`}`, options);
    await page.locator(query.includes("team") ? "#empty" : query ? "#results" : "#key").waitFor();
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.deepEqual(widths, [360, 360], query);
    const table = await page.evaluate(() => {
      const box = document.querySelector(".scroll")!;
      return box.scrollWidth - box.clientWidth;
    });
    assert.equal(table, 0, "the table fits as well");
  }
});
