// Writes tests/corpus: a small dump that covers every rule, and requests with the responses of the reference.
//
//   node tests/reference/make-corpus.mjs

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { answer, bodyText, loadDump } from "./metrics.mjs";
import { randomRows, writeDump } from "./random-dump.mjs";
import { randomQuery } from "./random-query.mjs";
import { Random } from "./random.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../corpus");
/** A leap day. The first allowed start_date is 2021-02-28, so that the vendor's sample of June 2021 can be requested. */
const TODAY = "2024-02-29";

const random = new Random(23);
const rows = randomRows(random, TODAY, 230);

let commitId = 1000;
/** Adds a commit with the given fields and defaults, and returns its id. @param {Record<string, any>} fields */
function commit(fields) {
  commitId += 1;
  const { day = "2023-05-02", user = 201, repo, ...rest } = fields;
  rows.commits.push({
    id: commitId,
    apex_user_id: user,
    repo_id: repo,
    author_date: `${day}T12:00:00`,
    author_tzoffset: 0,
    author_local_date: `${day}T12:00:00`,
    is_merge: false,
    is_pr_orphan: false,
    outlier_reason: null,
    ignore_hash: `hash${commitId}`,
    haloc: 10,
    churn: 0,
    impact: 1,
    ...rest,
  });
  return commitId;
}

/** @param {number} id @param {Record<string, any>} [fields] */
const repo = (id, fields) => rows.repos.push({ id, name: `rules-${id}`, blocked: false, tags: [], ...fields });
/** @param {number} id @param {Record<string, any>} [fields] */
const user = (id, fields) => rows.users.push({ id, name: `User ${id}`, hidden_from_reports: false, ...fields });

let membershipId = 1000;
/** @param {number} team @param {number} apexUser @param {string | null} [type] */
function member(team, apexUser, type = "contributor") {
  membershipId += 1;
  rows.team_membership.push({ id: membershipId, membership_type: type, apex_user_id: apexUser, team_id: team });
}

/** @type {string[]} */
const queries = [];
/** @param {string} query */
const addQuery = (query) => queries.push(query);

for (const id of [201, 202, 203, 204, 205]) user(id);
user(206, { hidden_from_reports: true });

// ---- The vendor's sample: a team of four, |A| = 2, 1, 2, 2, 1 over June 2021 ------------------------------------------

/**
 * For each week: the users with their numbers of commits by day of June, and the sums of impact (in tenths), haloc and
 * churn. Each commit has an equal part of the sums, and the first one also the remainder.
 * @type {{ work: [number, Record<number, number>][], impact: number, haloc: number, churn: number }[]}
 */
const sample = [
  { work: [[101, { 2: 5 }], [102, { 4: 3 }]], impact: 370, haloc: 190, churn: 90 },
  { work: [[101, { 9: 4 }]], impact: 338, haloc: 196, churn: 10 },
  { work: [[103, { 14: 4, 15: 4, 20: 4 }], [104, { 16: 3, 17: 3, 19: 3 }]], impact: 2360, haloc: 950, churn: 82 },
  { work: [[103, { 21: 4, 22: 4, 27: 4 }], [104, { 24: 4, 25: 4 }]], impact: 3034, haloc: 800, churn: 175 },
  { work: [[102, { 28: 2, 29: 2, 30: 3 }]], impact: 874, haloc: 95, churn: 21 },
]; // prettier-ignore
repo(300, { name: "sample", tags: [500] });
rows.teams.push({ id: 12345, name: "ExampleTeam", parent: 54321 }, { id: 54321, name: "AnotherTeam", parent: null });
for (const id of [101, 102, 103, 104]) {
  user(id);
  member(12345, id);
}
for (const { work, impact, haloc, churn } of sample) {
  const days = work.flatMap(([user, days]) =>
    Object.entries(days).flatMap(([day, count]) => Array(count).fill({ user, day })),
  );
  days.forEach(({ user, day }, at) => {
    const others = days.length - 1;
    const share = (/** @type {number} */ total) =>
      at > 0 ? Math.floor(total / 30) : total - others * Math.floor(total / 30);
    commit({
      repo: 300,
      user,
      day: `2021-06-${day.padStart(2, "0")}`,
      impact: share(impact) / 10,
      haloc: share(haloc),
      churn: share(churn),
    });
  });
}
for (const resolution of ["week", "period"]) {
  addQuery(
    `start_date=2021-06-01&end_date=2021-06-30&team_id=12345&include_nested_teams=true&resolution=${resolution}`,
  );
}
addQuery("start_date=2021-06-01&end_date=2021-06-30&team_id=54321&include_nested_teams=true&resolution=period");
addQuery("start_date=2021-06-01&end_date=2021-06-30&team_id=54321&resolution=period");
addQuery("start_date=2021-06-01&end_date=2021-06-30&apex_user_id=104&resolution=period");

// ---- Which commits are included ---------------------------------------------------------------------------------------

repo(301);
commit({ repo: 301 });
commit({ repo: 301, is_merge: true });
commit({ repo: 301, is_pr_orphan: true });
commit({ repo: 301, outlier_reason: 0 });
commit({ repo: 301, user: 206 });
commit({ repo: 301, user: 299, is_merge: null, is_pr_orphan: undefined });
addQuery("start_date=2023-05-01&end_date=2023-05-31&repo_id=301&resolution=period");
addQuery("start_date=2023-05-01&end_date=2023-05-31&repo_id=301&apex_user_id=206&resolution=week");

repo(302);
repo(303, { blocked: true });
// Of duplicates, the lowest id counts; if it is excluded, so are the others. Commits without a hash are not duplicates.
commit({ repo: 302, day: "2023-05-02", ignore_hash: "kept", impact: 1 });
commit({ repo: 302, day: "2023-05-03", ignore_hash: "kept", impact: 100, user: 202 });
commit({ repo: 302, day: "2023-05-04", ignore_hash: "merge first", is_merge: true });
commit({ repo: 302, day: "2023-05-04", ignore_hash: "merge first", impact: 100 });
commit({ repo: 303, day: "2023-05-05", ignore_hash: "blocked first" });
commit({ repo: 302, day: "2023-05-05", ignore_hash: "blocked first", impact: 100 });
commit({ repo: 302, day: "2023-05-06", ignore_hash: "hidden first", user: 206 });
commit({ repo: 302, day: "2023-05-06", ignore_hash: "hidden first", impact: 100 });
commit({ repo: 301, day: "2020-05-07", ignore_hash: "long ago, elsewhere" });
commit({ repo: 302, day: "2023-05-07", ignore_hash: "long ago, elsewhere", impact: 100 });
commit({ repo: 302, day: "2023-05-08", ignore_hash: null, impact: 2 });
commit({ repo: 302, day: "2023-05-08", ignore_hash: null, impact: 4 });
addQuery("start_date=2023-05-01&end_date=2023-05-31&repo_id=302&resolution=week");
addQuery("start_date=2023-05-01&end_date=2023-05-31&repo_id__in=302,303&apex_user_id=202&resolution=week");
addQuery("start_date=2023-05-01&end_date=2023-05-31&repo_id=303&resolution=week");

// ---- Days, weeks and ranges -------------------------------------------------------------------------------------------

repo(304);
/** @param {Record<string, any>} dates */
const dated = (dates) => commit({ repo: 304, author_tzoffset: undefined, author_local_date: undefined, ...dates });
// Six forms of Monday, 8 May; in UTC, some of them are on Sunday or Tuesday.
dated({ author_date: "2023-05-07T23:30:00", author_tzoffset: 3600, user: 201 });
dated({ author_date: "2023-05-09T02:00:00Z", author_tzoffset: -18000, user: 202 });
dated({ author_date: "2023-05-08T00:10:00+09:00", user: 203 });
dated({ author_date: "2023-05-08T23:50:00.25-07:00", author_tzoffset: null, user: 204 });
dated({ author_date: "2023-01-01T00:00:00", author_tzoffset: 0, author_local_date: "2023-05-08T23:59:59", user: 205 });
dated({ author_date: "2023-05-08T00:00:00", user: 201 });
addQuery("start_date=2023-05-08&end_date=2023-05-08&repo_id=304&resolution=period");
addQuery("start_date=2023-05-07&end_date=2023-05-09&repo_id=304&resolution=week");
addQuery("start_date=2023-05-09&end_date=2023-05-09&repo_id=304&resolution=week");

repo(305);
for (const day of ["2021-02-28", "2021-12-31", "2022-01-02", "2022-01-03", "2024-02-28", "2024-02-29", "2024-03-01"]) {
  commit({ repo: 305, day });
}
addQuery("start_date=2022-01-01&end_date=2022-01-03&repo_id=305&resolution=week");
addQuery("start_date=2022-01-01&end_date=2022-01-03&repo_id=305&resolution=period");
addQuery("start_date=2022-01-02&end_date=2022-01-02&repo_id=305&resolution=period");
addQuery("start_date=2021-12-31&end_date=2022-01-02&repo_id=305&resolution=period");
addQuery("start_date=2021-02-28&repo_id=305&resolution=week");
addQuery("start_date=2021-02-27&repo_id=305&resolution=week");
addQuery("start_date=2024-02-26&repo_id=305&resolution=period");
addQuery("start_date=2024-02-26&end_date=9999-12-31&repo_id=305&resolution=period");
addQuery("start_date=2024-03-01&repo_id=305&resolution=period");
addQuery("start_date=2024-03-02&repo_id=305&resolution=period");
addQuery("start_date=2024-02-29&end_date=2024-02-29&repo_id=305&resolution=period");

// ---- Arithmetic -------------------------------------------------------------------------------------------------------

repo(306);
// One commit per week: its impact is that of the row. Ties are rounded to the even digit, at reading and at the end.
const ties = [1.25, 5.55, 0.05, 0.15, 0.05005, 0.05015, 2.345675, 0, null, 1e2, 123456789.25];
ties.forEach((impact, at) => commit({ repo: 306, day: `2022-${at < 9 ? "0" : ""}${at + 1}-10`, impact }));
addQuery("start_date=2022-01-01&end_date=2022-12-31&repo_id=306&resolution=week");
addQuery("start_date=2022-01-01&end_date=2022-12-31&repo_id=306&resolution=period");

repo(307);
// Efficiency: no lines, only rework, more rework than lines, almost 100 %, and ties.
const rework = [[0, 0], [0, 3], [7, 7], [4, 10], [2001, 1], [2000, 1], [2000, 3], [null, null], [2000, 2001]]; // prettier-ignore
rework.forEach(([haloc, churn], at) => commit({ repo: 307, day: `2022-0${at + 1}-10`, haloc, churn }));
addQuery("start_date=2022-01-01&end_date=2022-12-31&repo_id=307&resolution=week");
addQuery("start_date=2022-01-01&end_date=2022-12-31&repo_id=307&resolution=period");
addQuery("start_date=2022-08-01&end_date=2022-08-31&repo_id=307&resolution=period");

// ---- Teams ------------------------------------------------------------------------------------------------------------

repo(308);
rows.teams.push(
  { id: 401, name: "Top", parent: null },
  { id: 402, name: "Middle", parent: 401 },
  { id: 403, name: "Bottom", parent: 402 },
  { id: 404, name: "Chicken", parent: 405 },
  { id: 405, name: "Egg", parent: 404 },
);
member(401, 201);
member(402, 202);
member(402, 201);
member(403, 203);
member(404, 204);
member(405, 205);
member(401, 205, "viewer");
member(401, 204, null);
for (const id of [201, 202, 203, 204, 205]) commit({ repo: 308, user: id, impact: 10 ** (id - 201) });
const teams = "start_date=2023-05-01&end_date=2023-05-07&repo_id=308&resolution=week";
for (const filter of [
  "team_id=401",
  "team_id=401&include_nested_teams=true",
  "team_id=402&include_nested_teams=true",
  "team_id=404&include_nested_teams=true",
  "team_id__in=401%2C403",
  "team_id=401&team_id__in=402&include_nested_teams=false",
  "team_id=401&team_id__in=403,404&include_nested_teams=true",
  "team_id=401&apex_user_id=202",
  "team_id=499",
  "apex_user_id__in=201,+203+,,1e2",
  "apex_user_id=201&apex_user_id__in=202",
]) {
  addQuery(`${teams}&${filter}`);
}

// ---- Repositories and tags --------------------------------------------------------------------------------------------

rows.tags.push({ id: 500, name: "Sample" }, { id: 501, name: "One" }, { id: 502, name: "Two" });
repo(309, { name: "Große Étude", tags: [501] });
repo(310, { name: "etude-API", tags: [501, 502] });
repo(311, { name: null, tags: null });
// Repository 312 has no row.
for (const id of [309, 310, 311, 312]) commit({ repo: id, user: 205, day: "2023-06-01", impact: 10 ** (id - 309) });
const repos = "start_date=2023-06-01&end_date=2023-06-01&apex_user_id=205&resolution=week";
for (const filter of [
  "",
  "repo_tag_id=501",
  "repo_tag_id=501&repo_tag_id__in=502,503",
  "repo_tag_id__in=,",
  "repo_name=GRO%C3%9FE+%C3%A9t",
  "repo_name=+TUDE+",
  "repo_name=api&repo_id__in=309,310",
  "repo_id_not__in=309.9,3.1e2",
  "repo_id_not__in=,",
  "repo_id__in=,",
  "repo_id=312",
  "repo_id=%D9%A3%D9%A1%D9%A2",
  "repo_id=309&repo_id=310&repo_tag_id=7&repo_tag_id=",
  "repo_id=123456789012345678901234567890",
]) {
  addQuery(`${repos}&${filter}`);
}

// ---- Rows that replace earlier ones -------------------------------------------------------------------------------------------------------

repo(313, { blocked: true });
const replaced = commit({ repo: 313, impact: 1 });
const deleted = commit({ repo: 313, impact: 10, ignore_hash: "left to the next" });
commit({ repo: 313, impact: 100, ignore_hash: "left to the next" });
rows.commits.push({ ...rows.commits.at(-3), id: replaced, impact: 1000 }, { id: deleted, _deleted: true });
repo(313);
addQuery("start_date=2023-05-01&end_date=2023-05-07&repo_id=313&resolution=week");

// ---- Errors -----------------------------------------------------------------------------------------------------------

for (const query of [
  "",
  "start_date=&resolution=",
  "start_date=2021-01-01&include_nested_teams=yes&resolution=month",
  "start_date=2023-01-01&resolution=week%20&include_nested_teams=True",
  "start_date=2023-02-29&resolution=it%27s",
  "start_date=2023-01-01&end_date=2022-12-31&resolution=%22it%27s%22%5C%09%0A%0D%00%C2%A0%E2%80%8B%F0%9F%98%80%F3%A0%80%81",
  "start_date=2023-1-1&end_date=20230101&resolution=%C3%28&repo_name=%00&repo_name=a%00b",
  "start_date=+2023-01-01%0A&end_date=%202023-01-02&resolution=week&repo_name=+",
  "start_date=2023-01-01&resolution=week&apex_user_id=nan&apex_user_id__in=1,+&team_id=1_0x&team_id__in=inf&repo_id=+&repo_id__in=1,x&repo_id_not__in=-&repo_tag_id=%zz&repo_tag_id__in=%EF%BB%BF1",
  "start_date=2024-03-02&resolution=week&unknown=1&repo_id__gt=x",
  "start_date=2023-01-01&end_date=2021-01-01&end_date=x&resolution=period&resolution=week;",
]) {
  addQuery(query);
}

// ---- Random requests ----------------------------------------------------------------------------------

writeDump(join(folder, "dump"), rows);
const dump = loadDump(join(folder, "dump"));
for (let left = 12; left > 0;) {
  const query = randomQuery(random, TODAY);
  // Most random requests match no commits.
  if (answer(query, TODAY, dump).body.count === 0) continue;
  addQuery(query);
  left -= 1;
}
const cases = queries.map((query) => {
  const { status, body } = bodyText(query, TODAY, dump);
  return `{"query":${JSON.stringify(query)},"status":${status},"body":${body}}`;
});
const text = `{"dump":"dump","today":"${TODAY}","cases":[\n${cases.join(",\n")}\n]}\n`;
writeFileSync(join(folder, "period_metrics.json"), text);
console.log(`${rows.commits.length} rows of commits, ${queries.length} cases`);
