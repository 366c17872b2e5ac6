// Weekly rows from JSON text, and repeated queries on a table: the npm package, compared with JSON.parse and a loop.
import assert from "node:assert/strict";
import { commits, RANGE, TODAY } from "./generated-commits.ts";
import { figure, heading, measure, median, type Figure } from "./measure.ts";
import { loadPackage, thisCheckout, unwrap, type Package, type Table } from "./checkout.ts";
import { buildBrowser } from "../build-browser.ts";

const PAGE = 1_000;
const TEAMS = 20;
const REPOS = 50;

/** Generates pages of 1,000 commits with all fields of the API. */
export function* pages(count: number, isShuffled: boolean): Generator<string> {
  const { users, days, haloc, churn, impact } = commits(count, isShuffled);
  for (let begin = 0; begin < count; begin += PAGE) {
    const results = Array.from({ length: Math.min(PAGE, count - begin) }, (_, place) => {
      const at = begin + place;
      const date = `${new Date(days[at]! * 86_400_000).toISOString().slice(0, 10)}T${String(at % 24).padStart(2, "0")}:21:09`;
      const sha = (at + 1).toString(16).padStart(40, "0");
      return {
        id: at + 1,
        hexsha: sha,
        user_alias_id: users[at]! + 1,
        apex_user_id: users[at]! + 1,
        repo_id: (at % REPOS) + 1,
        author_date: date,
        author_tzoffset: 0,
        author_local_date: date,
        committer_date: date,
        committer_tzoffset: 0,
        committer_local_date: date,
        is_merge: false,
        is_pr_orphan: false,
        is_trivial: false,
        outlier_reason: null,
        ignore_hash: sha.slice(-12),
        haloc: haloc[at],
        new_work: haloc[at],
        legacy_refactor: 0,
        help_others: 0,
        churn: churn[at],
        files: at % 9,
        hunks: at % 31,
        insertions: haloc[at],
        deletions: at % 200,
        impact: impact[at]! / 10_000,
        message: `Change part ${at % 977}, "tested"\n\nRequested by a customer.`,
      };
    });
    const next =
      begin + PAGE < count ? `https://v3.test/v3/customer/core/commits/?limit=1000&offset=${begin + PAGE}` : null;
    yield JSON.stringify({ count, next, previous: null, results });
  }
}

type Week = { users: Set<number>; days: Set<string>; commits: number; haloc: number; churn: number; impact: number };
type Page = { results: Row[] };
type Row = {
  apex_user_id: number;
  author_local_date: string;
  is_merge: boolean;
  is_pr_orphan: boolean;
  outlier_reason: number | null;
  haloc: number;
  churn: number;
  impact: number;
};

/** A typical loop over parsed rows. */
function loop(weeks: Map<number, Week>, { results }: Page): void {
  for (const row of results) {
    if (row.is_merge || row.is_pr_orphan || row.outlier_reason !== null) continue;
    const day = row.author_local_date.slice(0, 10);
    const number = Math.floor((Date.parse(day) / 86_400_000 + 3) / 7);
    let week = weeks.get(number);
    if (!week) {
      week = { users: new Set(), days: new Set(), commits: 0, haloc: 0, churn: 0, impact: 0 };
      weeks.set(number, week);
    }
    week.users.add(row.apex_user_id);
    week.days.add(`${row.apex_user_id} ${day}`);
    week.commits += 1;
    week.haloc += row.haloc;
    week.churn += row.churn;
    week.impact += row.impact;
  }
}

/** Returns the milliseconds of reading all pages in each way, in turns, without generating them. */
function readAll({ Table }: Package, count: number, isShuffled: boolean): Record<string, number> {
  const times = { text: 0, bytes: 0, parse: 0, loop: 0 };
  const timed = <Value>(name: keyof typeof times, work: () => Value): Value => {
    const started = performance.now();
    const result = work();
    times[name] += performance.now() - started;
    return result;
  };
  const [text, bytes, weeks] = [new Table(), new Table(), new Map<number, Week>()];
  for (const page of pages(count, isShuffled)) {
    timed("text", () => unwrap(text.add("commits", page)));
    const encoded = new TextEncoder().encode(page);
    timed("bytes", () => unwrap(bytes.add("commits", encoded)));
    const rows = timed("parse", () => JSON.parse(page) as Page);
    timed("loop", () => loop(weeks, rows));
  }
  const metrics = timed("text", () => unwrap(text.metrics(RANGE, { today: TODAY })));
  assert.deepEqual(
    timed("bytes", () => unwrap(bytes.metrics(RANGE, { today: TODAY }))),
    metrics,
  );
  assert.equal(metrics.count, weeks.size);
  for (const row of metrics.results) {
    const week = weeks.get(Math.floor((Date.parse(row.period_start_date) / 86_400_000 + 3) / 7));
    assert(week);
    // The loop sums floating-point numbers, so it is not exact.
    assert(Math.abs(week.days.size / week.users.size - row.active_days) < 0.051);
    assert(Math.abs(week.impact / week.users.size - row.total_impact) < 0.051);
  }
  text.free();
  bytes.free();
  return times;
}

/** Measures and prints reading text and querying a table. */
export async function benchText(): Promise<Figure[]> {
  await buildBrowser();
  const streamgage = await loadPackage(thisCheckout);
  const figures: Figure[] = [];
  for (const count of [100_000, 1_000_000])
    for (const isShuffled of [false, true]) {
      const order = isShuffled ? "shuffled" : "in time order";
      heading(`\nJSON text: ${count.toLocaleString("en")} commits, ${order}; milliseconds`);
      const rounds = Array.from({ length: count > 500_000 ? 3 : 7 }, () => readAll(streamgage, count, isShuffled));
      const medianOf = (select: (times: Record<string, number>) => number) => median(rounds.map(select));
      for (const [name, ours] of [
        ["a string", medianOf(({ text }) => text!)],
        ["bytes", medianOf(({ bytes }) => bytes!)],
      ] as const) {
        figures.push(
          figure(
            `${name}; JSON.parse and a loop`,
            ours,
            medianOf(({ parse, loop }) => parse! + loop!),
          ),
        );
        figures.push(
          figure(
            `${name}; JSON.parse alone`,
            ours,
            medianOf(({ parse }) => parse!),
          ),
        );
      }
    }
  return [...figures, ...(await benchTable(streamgage))];
}

/** Creates a table of a million commits with teams and repositories. */
export function fillTable({ Table }: Package, isShuffled: boolean): Table {
  const table = new Table();
  for (const page of pages(1_000_000, isShuffled)) unwrap(table.add("commits", page));
  const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  const rows = {
    teams: ids(TEAMS).map((id) => ({ id, name: `Team ${id}` })),
    team_membership: ids(1_000).map((id) => ({
      id,
      apex_user_id: id,
      team_id: (id % TEAMS) + 1,
      membership_type: "contributor",
    })),
    repos: ids(REPOS).map((id) => ({ id, name: `repo ${id}` })),
  };
  for (const [resource, list] of Object.entries(rows)) unwrap(table.add(resource, list));
  return table;
}

/** Returns queries of a table that each have a different parameter every time. */
export function tableQueries(table: Table): Record<string, () => unknown> {
  let calls = 0;
  const startDate = () => new Date(Date.UTC(2024, 0, 1 + ((calls += 1) % 60))).toISOString().slice(0, 10);
  const query = (parameters: object) => unwrap(table.metrics({ ...RANGE, ...parameters }, { today: TODAY }));
  return {
    "another range": () => query({ start_date: startDate() }),
    "another team": () => query({ team_id: ((calls += 1) % TEAMS) + 1 }),
    "another repository": () => query({ repo_id: ((calls += 1) % REPOS) + 1 }),
  };
}

/** Measures queries of a table of a million commits. The peer is one frame at 60 per second. */
async function benchTable(streamgage: Package): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const isShuffled of [false, true]) {
    heading(`\ntable of 1,000,000 commits ${isShuffled ? "shuffled" : "in time order"}; milliseconds`, "ours", "frame");
    const table = fillTable(streamgage, isShuffled);
    const times = await measure(tableQueries(table), 60);
    for (const [name, time] of Object.entries(times)) figures.push(figure(name, time, 1_000 / 60));
    table.free();
  }
  return figures;
}
