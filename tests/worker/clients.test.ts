// Typical clients: scripts that follow `next`, connectors that increase an offset, and the ways in which libraries change
// URLs and headers.
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { start, type Worker } from "./harness.ts";

const CORE = "/v3/customer/core/";
const USERS = 9;
const DAYS = 260;

let worker: Worker;
let key: string;
before(async () => {
  worker = await start();
  key = await worker.key("core");
  // One commit for each user and day: 2,340 groups fill two pages and part of a third.
  const commits = [...Array(USERS * DAYS).keys()].map((number) => ({
    id: number + 1,
    hexsha: `${number}`,
    apex_user_id: 1 + (number % USERS),
    repo_id: 7,
    author_date: `${day(Math.floor(number / USERS))}T09:30:00`,
    author_local_date: `${day(Math.floor(number / USERS))}T10:30:00`,
    haloc: 3,
    churn: 1,
    impact: 0.5,
    message: "a & b",
  }));
  const users = [...Array(USERS).keys()].map((number) => ({ id: number + 1, name: `User ${number + 1}` }));
  const teams = [
    { id: 1, name: "Ducks" },
    { id: 2, name: "Geese", parent: 1 },
  ];
  const memberships = users.map(({ id }) => ({ id, apex_user_id: id, team_id: 1 + (id % 2) }));
  await worker.load("users", users);
  await worker.load("teams", teams);
  await worker.load("team_membership", memberships);
  while (commits.length > 0) assert.equal((await worker.load("commits", commits.splice(0, 1_000))).status, 200);
});
after(() => worker.close());

const day = (number: number) => new Date(Date.UTC(2026, 0, 1 + number)).toJSON().slice(0, 10);

type Page = { count: number; next: string | null; previous: string | null; results: Record<string, any>[] };

/** Sends the URL unchanged, as Python's urllib does. */
function raw(address: string, headers: Record<string, string> = {}, method = "GET") {
  const { hostname, port } = new URL(worker.url);
  const path = address.replace(/^https?:\/\/[^/]+/, "");
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const all = { authorization: `Bearer ${key}`, ...headers };
    const sent = httpRequest({ hostname, port, path, method, headers: all }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on("error", reject).end();
  });
}

async function page(address: string, headers?: Record<string, string>): Promise<Page> {
  const { status, text } = await raw(address, headers);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Page;
}

const GROUPS = "aggregate[count]=id&aggregate[sum]=haloc,churn,impact&group_by[apex_user_id,author_local_date__date]";

test("a script with a too large limit follows next through the aggregate", async () => {
  const ids = [...Array(USERS).keys()].map((number) => number + 1).join(",");
  const dates = `author_local_date__gte=${day(0)}&author_local_date__lte=${day(DAYS)}`;
  const query = `limit=5000&is_merge=false&is_pr_orphan=false&haloc__lt=10000&exclude_outliers=true&smart_dedupe=true&${GROUPS}`;
  const sizes: number[] = [];
  const days = new Set<string>();
  for (let next: string | null = `${CORE}commits.agg/?${query}&${dates}&apex_user_id__in=${ids}`; next !== null;) {
    const found: Page = await page(next);
    assert.equal(found.count, USERS * DAYS);
    sizes.push(found.results.length);
    for (const row of found.results) days.add(`${row.apex_user_id} ${row.author_local_date_date}`);
    const { id_count, haloc_sum, churn_sum, impact_sum } = found.results[0] ?? {};
    assert.deepEqual(
      { id_count, haloc_sum, churn_sum, impact_sum },
      { id_count: 1, haloc_sum: 3, churn_sum: 1, impact_sum: 0.5 },
    );
    next = found.next;
  }
  assert.deepEqual(sizes, [1_000, 1_000, 340]);
  assert.equal(days.size, USERS * DAYS);
});

test("group_by is written literally and the other parameters are encoded", async () => {
  const query = `group_by[apex_user_id,author_local_date__date]&limit=1000&apex_user_id__in=1%2C2&aggregate%5Bcount%5D=id`;
  const found = await page(
    `${CORE}commits.agg/?${query}&author_local_date__gte=2026-01-01+00%3A00%3A00&is_haloc__lt=9`,
  );
  assert.equal(found.count, 2 * DAYS);
  assert.deepEqual(found.results[0], { apex_user_id: 1, author_local_date_date: "2026-01-01", id_count: 1 });
});

test("a connector increases its offset until a page is short", async () => {
  const ids: number[] = [];
  for (let offset = 0; ; offset += 1_000) {
    const found = await page(`${CORE}commits/?limit=1000&offset=${offset}&author_date__gte=1970-01-01T00%3A00%3A00`);
    ids.push(...found.results.map(({ id }) => id as number));
    if (found.results.length < 1_000) break;
  }
  assert.deepEqual(
    ids,
    [...Array(USERS * DAYS).keys()].map((number) => number + 1),
  );
  const past = await page(`${CORE}commits/?limit=1000&offset=3000`);
  assert.deepEqual({ next: past.next, results: past.results }, { next: null, results: [] });
});

test("a report requests teams, their members and the days of each", async () => {
  const teams = await page(`${CORE}teams/`);
  const names: Record<string, string[]> = {};
  for (const { id } of teams.results) {
    const members = await page(`${CORE}team_membership/?team_id=${id}&limit=1000`);
    for (const { apex_user, team } of members.results) (names[team.name] ??= []).push(apex_user.name);
  }
  const [ducks, geese] = [
    [2, 4, 6, 8],
    [1, 3, 5, 7, 9],
  ].map((ids) => ids.map((id) => `User ${id}`));
  assert.deepEqual(names, { Ducks: ducks, Geese: geese });
  // The framework's related filters: by team name and by team id.
  for (const query of ["team__name=Geese", "team__id=2", "team__id__in=2,5", "team_member=2"]) {
    const found = await page(`${CORE}users/?limit=1000&apex=true&fields=id&${query}`);
    assert.deepEqual(
      found.results,
      [1, 3, 5, 7, 9].map((id) => ({ id })),
      query,
    );
  }
});

test("unusual spellings of URLs and headers", async () => {
  const one = `${CORE}users/?id=3&fields=id,name`;
  const expected = { count: 1, next: null, previous: null, results: [{ id: 3, name: "User 3" }] };
  for (const [address, headers] of [
    [one, { Authorization: `bearer ${key}`, Accept: "application/json" }],
    [one, { AUTHORIZATION: `BEARER ${key}`, "Content-Type": "application/json" }],
    [one, { Accept: "text/csv, */*;q=0.1", "Cache-Control": "no-cache" }],
    [`${one}&format=json`, {}],
    [`${one}&`, {}],
    [`${CORE}users/?&&id=9&id=3&fields=id%2Cname`, {}],
    [`${CORE}users/?id=%33&f%69elds=id,name`, {}],
    [`${CORE}users/?id=+3+&fields=id,name&nope[]=1`, {}],
  ] as const)
    assert.deepEqual(await page(address, { ...headers }), expected, address);

  // A client that follows redirects sends its key again.
  const followed = await fetch(new URL(`${CORE}users?id=3&fields=id,name`, worker.url), {
    headers: { Authorization: `Bearer ${key}` },
  });
  assert.equal(followed.redirected, true);
  assert.deepEqual(await followed.json(), expected);

  const [get, head] = [await raw(one), await raw(one, {}, "HEAD")];
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal(head.headers["content-type"], get.headers["content-type"]);
});

test("links repeat parameters as they were sent", async () => {
  const found = await page(`${CORE}commits/?message=a%20%26%20b&ordering=-id&limit=2&hexsha!=0`);
  assert.equal(found.count, USERS * DAYS - 1);
  const next = await page(found.next ?? assert.fail("no next"));
  assert.deepEqual(
    next.results.map(({ id }) => id),
    [USERS * DAYS - 2, USERS * DAYS - 3],
  );
  const back = await page(next.previous ?? assert.fail("no previous"));
  assert.deepEqual(back.results, found.results);
});
