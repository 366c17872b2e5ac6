// The dashboard in Chromium, against a mock API.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, open, type OpenPage } from "./chromium.ts";
import { type MockServer, KEY, serve, TODAY } from "./mock-server.ts";

const METRICS = "/v3/customer/metrics/";
const TOO_OLD = "Provide a valid date. Date cannot be more than 3 years prior to now.";

let browser: Browser;
let server: MockServer;
let opened: OpenPage[] = [];

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

async function visit(path: string, options: Parameters<typeof open>[2] = {}): Promise<OpenPage> {
  const result = await open(browser, server.url + path, options);
  opened.push(result);
  return result;
}

/** Opens the dashboard with a key and waits for its metrics. */
async function dashboard(query = "", options: Parameters<typeof open>[2] = {}): Promise<OpenPage> {
  const result = await visit(`/${query}#key=${KEY}`, options);
  await result.page.locator("#results").waitFor();
  return result;
}

/** Waits until no request is pending. */
const idle = (page: Page) => page.locator("#dashboard[aria-busy=false]").waitFor();
const text = (page: Page, selector: string) => page.locator(selector).innerText();
const parameters = (page: Page) => Object.fromEntries(new URL(page.url()).searchParams);
/** The parameters of the last weekly metrics request. */
const lastWeekly = () =>
  new URLSearchParams(server.metricsQueries.findLast((query) => query.includes("resolution=week")));

test("a link with a key shows charts and table and removes the key from the URL", async () => {
  const { page, errors } = await dashboard();
  assert.equal(page.url(), `${server.url}/`);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), "{}");
  assert.equal(await page.locator(".chart canvas").count(), 4);
  assert.equal(await page.locator("tbody tr").count(), 12);
  assert.match(await text(page, "tbody tr:last-child"), /2026-08-31 in progress, 2 of 7 days/);
  assert.match(await text(page, "#table-note"), /^1 week had no commits/);
  assert.equal(await text(page, "#demo"), "Demo data");
  assert.equal(await text(page, "#dataset"), "Sample organization");
  assert.deepEqual(errors, []);

  await page.reload();
  await page.locator("#results").waitFor();
  await page.goBack();
  assert.ok(!page.url().includes(KEY), "no history entry contains the key");
});

test("the cards compare the whole period with the preceding one", async () => {
  const { page } = await dashboard("?start_date=2026-08-03&end_date=2026-08-30&resolution=week");
  assert.match(await text(page, "article:nth-of-type(1)"), /Coding days active_days\s+2\.\d\s+per week/);
  assert.match(await text(page, "article:nth-of-type(1)"), /(vs\.|same as) the 28 days before/);
  const periods = server.metricsQueries.filter((query) => query.includes("resolution=period")).sort();
  assert.deepEqual(periods, [
    "start_date=2026-07-06&end_date=2026-08-02&resolution=period",
    "start_date=2026-08-03&end_date=2026-08-30&resolution=period",
  ]);
});

test("the preceding period is not requested if it starts more than 3 years ago", async () => {
  await dashboard("?start_date=2023-09-01&end_date=2026-09-01&resolution=week");
  assert.equal(server.metricsQueries.length, 2);
});

test("hovering over a chart shows the values of the week in all four charts", async () => {
  const { page } = await dashboard("?start_date=2026-06-08&end_date=2026-09-01&resolution=week");
  await page.locator(".chart").first().hover();
  for (const readout of await page.locator(".readout").all()) {
    assert.match(await readout.innerText(), /^2026-07-\d\d: \d/);
  }
});

test("an invalid date shows the documented message next to its field and sends no request", async () => {
  const { page, errors } = await dashboard();
  const sent = server.metricsQueries.length;
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
  assert.equal(server.metricsQueries.length, sent);
  assert.equal(page.url(), address, "the URL still matches the shown metrics");

  await page.locator("#end_date").fill("2026-08-31");
  await page.locator("#end_date-error").waitFor({ state: "hidden" });
  await page.locator("#request").waitFor();
  assert.deepEqual(errors, []);
});

test("a missing or incomplete date shows an error", async () => {
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

test("a URL with invalid values shows all messages and sends no request", async () => {
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
  assert.deepEqual(server.metricsQueries, []);
});

test("the URL stores and restores the view", async () => {
  const { page } = await dashboard();
  await page.getByRole("button", { name: "Last 4 weeks" }).click();
  await page.waitForURL(/start_date=2026-08-03/);
  await page.locator("#team_id").selectOption({ label: "Platform" });
  await page.locator("#include_nested_teams").check();
  await page.locator("#repo_name").fill("api");
  await page.waitForURL(/repo_name=api/);
  await idle(page);
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

test("teams are listed as a tree and names are not interpreted as HTML", async () => {
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

test("typing finds any of 1,171 users except hidden ones", async () => {
  const { page } = await dashboard();
  const user = page.locator("#apex_user_id");
  await user.fill("user1170");
  await page.locator("#users [role=option]").first().waitFor();
  assert.equal(await page.locator("#users [role=option]").count(), 1);
  await user.press("Enter");
  await page.waitForURL(/apex_user_id=1170/);
  assert.equal(await user.inputValue(), "user1170");
  // The input reserves space for the button that overlaps it.
  const clear = await page.locator("#clear-user").boundingBox();
  const padding = await user.evaluate((field) => parseFloat(getComputedStyle(field).paddingRight));
  assert.ok(clear && padding >= clear.width, `${padding}`);

  await user.fill("user0007");
  await page.getByText("No matching user.").waitFor();
  await user.press("Escape");
  assert.equal(await user.inputValue(), "user1170");

  await user.fill("");
  await page.getByText("1120 more: type to narrow the list.").waitFor();
  await page.getByRole("button", { name: "Show all users" }).click();
  await page.waitForFunction(() => !location.search.includes("apex_user_id"));
});

test("a range without commits shows an explanation and suggestions", async () => {
  const { page, errors } = await visit(`/?start_date=2026-08-01&resolution=week&team_id=101#key=${KEY}`);
  await page.locator("#empty").waitFor();
  assert.match(await text(page, "#empty"), /No commits in this range[^]*2026-08-01 to 2026-09-01 for team Product/);
  assert.equal(await page.locator("#results").isVisible(), false);
  await page.locator("#empty").getByRole("button", { name: "Include nested teams" }).click();
  await page.locator("#results").waitFor();
  assert.equal(await page.locator("#empty").isVisible(), false);
  assert.deepEqual(errors, []);
});

test("the page asks for a key, and asks again after one failed request with an invalid key", async () => {
  const { page, errors } = await visit("/");
  await page.locator("#key").fill("wrong");
  await page.keyboard.press("Enter");
  await page.locator("#key-error").waitFor();
  assert.equal(await text(page, "#key-error"), "Invalid token. Enter another key.");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(errors.length, 1, "exactly one request fails");
  assert.deepEqual(server.metricsQueries, []);

  await page.locator("#key").fill("two words");
  await page.keyboard.press("Enter");
  assert.equal(await text(page, "#key-error"), "A key contains only printable ASCII characters without spaces.");

  await page.locator("#key").fill(KEY);
  await page.keyboard.press("Enter");
  await page.locator("#results").waitFor();
  await page.getByRole("button", { name: "Forget key" }).click();
  assert.equal(await page.locator("#key").isVisible(), true);
  assert.equal(await page.locator("#dashboard").isVisible(), false);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("403, 429, 500, malformed responses and network failures show distinct errors with a retry", async () => {
  const { page } = await dashboard();
  const panel = page.locator("#error-panel");
  const refresh = page.getByRole("button", { name: "Refresh" });
  const expectError = async (pattern: RegExp) => {
    await refresh.click();
    await page.locator("#error-panel").getByText(pattern).first().waitFor();
    assert.equal(await page.locator("#results").isVisible(), false);
  };
  const detail = (detail: string) => ({ detail });
  server.overrides.set(METRICS, { status: 403, body: detail("You do not have permission to perform this action.") });
  await expectError(/You do not have permission to perform this action\. Use a key with the Metrics permission/);
  server.overrides.set(METRICS, { status: 500, body: { error: ["Unknown error occurred"] } });
  await expectError(/The server responded with status 500\./);
  server.overrides.set(METRICS, { status: 200, body: "hello" });
  await expectError(/contains no metrics/);
  server.overrides.set(METRICS, { status: 400, body: { start_date: ["Bad."], repo_tag_id: ["Worse."] } });
  await expectError(/start_date: Bad\. repo_tag_id: Worse\./);
  assert.equal(await text(page, "#start_date-error"), "Bad.");
  await page.context().setOffline(true);
  await expectError(/did not respond/);
  server.overrides.delete(METRICS);
  await page.context().setOffline(false);
  await page.locator("#results").waitFor();
  assert.equal(await panel.isVisible(), false);

  const throttled = detail("Request was throttled. Expected available in 1 seconds.");
  server.overrides.set(METRICS, { status: 429, body: throttled, headers: { "Retry-After": "1" } });
  await expectError(/available in 1 seconds\. This page retries in 1 seconds/);
  server.overrides.delete(METRICS);
  await page.locator("#results").waitFor();

  server.overrides.set(METRICS, { status: 500, body: {} });
  await expectError(/500/);
  server.overrides.delete(METRICS);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#results").waitFor();
});

test("a key without access to core lists shows metrics", async () => {
  server.overrides.set("/v3/customer/core/", { status: 403, body: { detail: "No." } });
  const { page } = await dashboard("?start_date=2026-08-01&resolution=week&team_id=100");
  await page.locator("#lists-error").waitFor();
  assert.equal(await text(page, "#lists-error"), "Teams cannot be listed: No.");
  assert.equal(await page.locator("#team_id").inputValue(), "100");
  await page.locator("#apex_user_id").fill("12");
  await page.getByText("You can type an id instead").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/apex_user_id=12/);
});

test("a new request aborts the previous one", async () => {
  const { page } = await dashboard();
  server.overrides.set(METRICS, { status: 500, body: {}, delay: 1500 });
  await page.getByRole("button", { name: "Last year" }).click();
  await page.waitForURL(/start_date=2025-09-01/);
  server.overrides.delete(METRICS);
  await page.getByRole("button", { name: "Last 4 weeks" }).click();
  await page.locator("#status", { hasText: "2026-08-03 to 2026-09-01" }).waitFor();
  await page.waitForTimeout(1700);
  assert.equal(await page.locator("#error-panel").isVisible(), false);
  assert.match(await text(page, "#status"), /2026-08-03 to 2026-09-01/);
});

test("typing sends one request after a pause", async () => {
  const { page } = await dashboard("?start_date=2026-08-01&resolution=week");
  const sent = server.metricsQueries.length;
  await page.locator("#repo_name").pressSequentially("some", { delay: 20 });
  await page.waitForURL(/repo_name=some/);
  await page.waitForTimeout(600);
  assert.equal(server.metricsQueries.length - sent, 3, "weeks, the period, and the preceding period");
});

test("resolution=period shows one row and no charts", async () => {
  const { page } = await dashboard();
  await page.locator("#resolution").selectOption("period");
  await page.locator("tbody tr", { hasText: "2026-06-08 to 2026-09-01" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.equal(await page.locator(".chart").first().isVisible(), false);
});

test("the table is exported as CSV and the request as curl without the key", async () => {
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

test("the keyboard reaches the key, the filters and the weeks of a chart", async () => {
  const { page, errors } = await visit("/");
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || "");
  const tabTo = async (id: string) => {
    for (let presses = 0; presses < 60; presses += 1) {
      if ((await focused()) === id) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab does not reach ${id}`);
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
  await idle(page);
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
  assert.equal(outline, "solid", "the focus is visible");
  await page.keyboard.press("Home");
  assert.match(await text(page, ".readout >> nth=0"), /^2026-06-08: /);
  await page.keyboard.press("ArrowRight");
  assert.match(await text(page, ".readout >> nth=3"), /^2026-06-15: /);
  assert.match((await page.locator(".chart").first().getAttribute("aria-valuetext")) ?? "", /^2026-06-15: /);
  await tabTo("copy-curl");
  assert.deepEqual(errors, []);
});

test("no state scrolls horizontally at a width of 360 pixels", async () => {
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
    assert.equal(table, 0, "the table fits");
  }
});
