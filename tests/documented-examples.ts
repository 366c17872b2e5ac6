// Every example request of the vendor's two pages, on rows of which each example selects some but not all. The expected
// rows are computed here from the text of the pages, without any code of streamgage.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METRICS, root } from "./conformance.ts";

type Row = Record<string, unknown> & { id: number };

/** The current day of the requests, less than three years after the pages' start_date. */
export const EXAMPLES_TODAY = "2021-07-01";

const CORE = "/v3/customer/core";
const PERIOD = `${METRICS}?start_date=2021-06-01&end_date=2021-06-30`;
const TEAM = 12345;
const PERSON = 1234567;

const repos: Row[] = [
  { id: 337844, name: "web", vendor_type: "github", blocked: false, oldest_commit_date: "2018-01-01T00:00:00" },
  { id: 2, name: "api", vendor_type: "gitlab", blocked: false, oldest_commit_date: "2018-01-01T00:00:00" },
  { id: 3, name: "old", vendor_type: "github", blocked: true, oldest_commit_date: "2018-01-01T00:00:00" },
  { id: 4, name: "new", vendor_type: null, blocked: false, oldest_commit_date: null },
];
const teams: Row[] = [
  { id: TEAM, name: "ExampleTeam", parent: null },
  { id: 2, name: "ExampleTeam 2", parent: TEAM },
];
const users: Row[] = [
  { id: PERSON, name: "chris a", email: "a@example.com", hidden_from_reports: false },
  { id: 1234567890, name: "Chris b", email: "b@example.com", hidden_from_reports: false },
  { id: 5, name: "christine", email: "c@example.com", hidden_from_reports: true },
  { id: 6, name: "dana", email: "d@example.com", hidden_from_reports: false },
];
const team_membership: Row[] = [
  { id: 1, membership_type: "contributor", apex_user_id: PERSON, team_id: TEAM },
  { id: 2, membership_type: "contributor", apex_user_id: 6, team_id: TEAM },
  { id: 3, membership_type: "contributor", apex_user_id: 1234567890, team_id: 2 },
];
const user_alias: Row[] = [
  { id: 71, name: "chris", apex_user_id: PERSON },
  { id: 72, name: "dana", apex_user_id: 6 },
];

/** Commits with combinations of all values that the examples distinguish. */
const commits: Row[] = Array.from({ length: 240 }, (_, at) => {
  const days = ["2018-06-07", "2018-06-08", "2018-06-10", "2018-06-15", "2021-06-01", "2021-06-05", "2021-06-30"];
  const day = days[at % days.length];
  const pick = <T>(values: T[], step: number): T => values[Math.floor(at / step) % values.length] as T;
  return {
    id: at + 1,
    hexsha: at.toString(16).padStart(40, "0"),
    apex_user_id: pick([PERSON, 1234567890, 5, 6], 1),
    user_alias_id: pick([71, 72, null], 2),
    repo_id: pick([337844, 2, 3, 4], 3),
    author_date: `${day}T12:00:00`,
    author_local_date: `${day}T14:00:00`,
    author_tzoffset: 7200,
    is_merge: pick([false, false, true], 5),
    is_pr_orphan: pick([false, false, false, true], 7),
    outlier_reason: pick([null, null, null, 1], 2),
    ignore_hash: pick([null, null, null, `h${at % 6}`], 11),
    new_work: pick([0, 1, 2, 9, 10, 2694, 2695, 100_000, 100_001], 1),
    churn: at % 3,
    haloc: 10 + (at % 5),
    impact: 1.5 * (at % 4),
    message: pick(["Work in progress", "PROGRESS: done", "progres", "Fix", null], 1),
  };
});

const dump: Record<string, Row[]> = { repos, teams, users, team_membership, user_alias, commits };

const is = (field: string, value: unknown) => (row: Row) => row[field] === value;
const not =
  <T>(matches: (row: T) => boolean) =>
  (row: T) =>
    !matches(row);
const newWork = (matches: (lines: number) => boolean) => (row: Row) => matches(Number(row.new_work));
const isHidden = ({ apex_user_id }: Row) => users.some((user) => user.id === apex_user_id && user.hidden_from_reports);
const isDuplicate = ({ id, ignore_hash }: Row) =>
  ignore_hash !== null && commits.some((other) => other.ignore_hash === ignore_hash && other.id < id);
const isWeekend = ({ author_local_date }: Row) => [0, 6].includes(new Date(`${author_local_date}Z`).getUTCDay());
const isBlocked = ({ repo_id }: Row) =>
  repos.some((repo) => repo.id === repo_id && (repo.blocked || repo.oldest_commit_date === null));
const isOutlier = not<Row>(is("outlier_reason", null));
const isExcluded = (row: Row) =>
  isDuplicate(row) || isOutlier(row) || row.is_pr_orphan === true || row.is_merge === true || isBlocked(row);
const isMember = (user: Row) =>
  team_membership.some(({ team_id, apex_user_id }) => team_id === TEAM && apex_user_id === user.id);

/** Requests that filter a list, with the documented condition as a predicate on a row. */
const LISTS: Record<string, (row: Row) => boolean> = {
  "teams/?name=ExampleTeam": is("name", "ExampleTeam"),
  [`users/?team_member=${TEAM}`]: isMember,
  "users/?id=1234567890": is("id", 1234567890),
  "commits/?new_work__gt=100000": newWork((lines) => lines > 100_000),
  "commits/?new_work__gte=2695": newWork((lines) => lines >= 2695),
  "commits/?new_work__lt=10": newWork((lines) => lines < 10),
  "commits/?new_work__lte=1": newWork((lines) => lines <= 1),
  "commits/?repo_id__in=337844": is("repo_id", 337844),
  "commits/?message__icontains=progress": ({ message }) => /progress/i.test(String(message)),
  "users/?name__startswith=chris": ({ name }) => String(name).startsWith("chris"),
  "commits/?author_date__gte=2018-06-08&author_date__lt=2018-06-15": ({ author_date }) =>
    String(author_date) >= "2018-06-08" && String(author_date) < "2018-06-15",
  "repos/?vendor_type=github": is("vendor_type", "github"),
  "repos/?vendor_type!=github": not(is("vendor_type", "github")),
  "commits/?remove_excluded=true": not(isHidden),
  "commits/?smart_dedupe=true": not(isDuplicate),
  "commits/?exclude_weekends=true": not(isWeekend),
  "commits/?exclude_outliers=true": not(isOutlier),
  "commits/?exclude_blocked=true": not(isBlocked),
  "commits/?apply_default_filters=true": not(isExcluded),
};

/** Requests that order rows or select fields, with their complete results. */
const SHAPES: Record<string, () => object[]> = {
  "users/?fields=id,name,email&limit=3": () =>
    [...users]
      .sort(byId)
      .slice(0, 3)
      .map(only("id", "name", "email")),
  "commits/?fields=id,new_work,churn&limit=5&ordering=-id": () =>
    commits
      .slice(-5)
      .reverse()
      .map(only("id", "new_work", "churn")),
  "users/?fields=id,name&ordering=name&limit=5": () =>
    [...users].sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1)).map(only("id", "name")),
};

const byId = (a: Row, b: Row) => a.id - b.id;
const only =
  (...names: string[]) =>
  (row: Row) =>
    Object.fromEntries(names.map((name) => [name, row[name]]));

/** Metrics requests, with the users whose commits of June 2021 are counted. */
const METRICS_OF: Record<string, number[]> = {
  [`team_id=${TEAM}&include_nested_teams=true`]: [PERSON, 6, 1234567890],
  [`apex_user_id=${PERSON}`]: [PERSON],
};

/** Returns the coding days per user, as "user day", of the included commits from `first` to `last`. */
function codingDays(userIds: number[], first: string, last: string): string[] {
  const days = commits
    .filter((commit) => userIds.includes(Number(commit.apex_user_id)) && !isExcluded(commit) && !isHidden(commit))
    .map((commit) => [commit.apex_user_id, String(commit.author_local_date).slice(0, 10)] as const)
    .filter(([, day]) => day >= first && day <= last)
    .map((pair) => pair.join(" "));
  return [...new Set(days)];
}

type Body = { count: number; results: Record<string, unknown>[] };
export type Example = { request: string; check(body: Body): void };

const list = ([request, matches]: [string, (row: Row) => boolean]): Example => {
  const rows = dump[request.split("/")[0] ?? ""] ?? [];
  const expected = rows.filter(matches).map(({ id }) => id);
  // The example must select some rows but not all.
  assert.ok(expected.length > 0 && expected.length < rows.length, request);
  const check = ({ count, results }: Body) => {
    assert.equal(count, expected.length);
    const ids = results.map(({ id }) => id);
    assert.deepEqual(ids, [...expected].sort((a, b) => a - b).slice(0, 100));
  };
  return { request: `${CORE}/${request}`, check };
};

const shape = ([request, results]: [string, () => object[]]): Example => ({
  request: `${CORE}/${request}`,
  check: (body) => assert.deepEqual(body.results, results()),
});

const metrics = ([query, userIds]: [string, number[]]): Example[] => {
  const weeks = [
    { monday: "2021-05-31", first: "2021-06-01", last: "2021-06-06" },
    { monday: "2021-06-28", first: "2021-06-28", last: "2021-06-30" },
  ];
  const counted = weeks.map(({ monday, first, last }) => {
    const days = codingDays(userIds, first, last);
    const active = new Set(days.map((day) => day.split(" ")[0])).size;
    return { monday, days: days.length, active, inside: monday === "2021-05-31" ? 6 : 3 };
  });
  const perWeek = counted.filter(({ days }) => days > 0);
  const toTenths = (value: number) => Math.round(value * 10) / 10;
  assert.ok(perWeek.length > 0, query);
  const sum = (select: (week: (typeof counted)[number]) => number) =>
    perWeek.reduce((total, week) => total + select(week), 0);
  const scaled = Math.min(
    7,
    sum(({ inside }) => inside),
  );
  return [
    {
      request: `${PERIOD}&${query}&resolution=week`,
      check: ({ results }) =>
        assert.deepEqual(
          results.map(({ period_start_date, active_days }) => [period_start_date, active_days]),
          perWeek.map(({ monday, days, active }) => [monday, toTenths(days / active)]),
        ),
    },
    {
      request: `${PERIOD}&${query}&resolution=period`,
      check: ({ results }) => {
        const expected = (sum(({ days }) => days) * scaled) / sum(({ active, inside }) => active * inside);
        assert.deepEqual(
          results.map(({ active_days }) => active_days),
          [toTenths(expected)],
        );
      },
    },
  ];
};

export const examples: Example[] = [
  ...Object.entries(LISTS).map(list),
  ...Object.entries(SHAPES).map(shape),
  {
    request: `${CORE}/users/?omit=email,teams`,
    check: ({ results }) => {
      assert.deepEqual(
        results.map(({ id }) => id),
        [...users].sort(byId).map(({ id }) => id),
      );
      for (const row of results) assert.ok(!("email" in row) && !("teams" in row) && "name" in row);
    },
  },
  {
    request: `${CORE}/commits/?normalize_authors=true`,
    check: ({ count, results }) => {
      assert.equal(count, commits.length);
      for (const { user_alias_id, apex_user_id } of results) assert.equal(user_alias_id, apex_user_id);
    },
  },
  ...Object.entries(METRICS_OF).flatMap(metrics),
];

/** Writes the rows as a temporary dump and passes its path to `work`. */
export async function withExampleDump<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "streamgage-examples-"));
  try {
    for (const [resource, rows] of Object.entries(dump))
      writeFileSync(join(folder, `${resource}.ndjson`), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Fails if a page contains a request that is not tested here. */
export function assertAllPagesCovered(): void {
  const pages = join(root, "../shared/seeds");
  if (!existsSync(pages)) return;
  const known = new Set(examples.map(({ request }) => request));
  for (const page of readdirSync(pages))
    for (const [, request = ""] of readFileSync(join(pages, page), "utf8").matchAll(
      /https:\/\/[^/\s]+(\/v3\/\S+\?\S+)/g,
    ))
      assert.ok(known.has(request), `${page}: ${request}`);
}
