// JSON text as the API answers it, to the rows of weeks, and a table of it that is asked again: the npm package beside
// JSON.parse and what people write behind it.
import assert from "node:assert/strict";
import { commits, RANGE, TODAY } from "./generated-commits.ts";
import { figure, heading, measure, median, type Figure } from "./measure.ts";
import { builtPackage, type Package } from "./package.ts";

const PAGE = 1_000;
const TEAMS = 20;
const REPOS = 50;

/** Pages of 1,000 commits, with every field that the API shows, one at a time: all at once are more than a string holds. */
function* pages(count: number, isShuffled: boolean): Generator<string> {
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
        message: `A change of the ${at % 977}th part, "tested"\n\nAs it was asked for.`,
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

/** The loop that people write. */
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

function value<Value>(outcome: { ok: true; value: Value } | { ok: false; error: { message: string } }): Value {
  assert(outcome.ok, outcome.ok ? "" : outcome.error.message);
  return outcome.value;
}

/** Every page read in each way, in turns; in milliseconds. Making pages is not counted. */
function readAll({ Table }: Package, count: number, isShuffled: boolean): Record<string, number> {
  const times = { text: 0, bytes: 0, parse: 0, loop: 0, copy: 0 };
  const room = new Uint8Array(1 << 21);
  const timed = <Value>(name: keyof typeof times, work: () => Value): Value => {
    const started = performance.now();
    const done = work();
    times[name] += performance.now() - started;
    return done;
  };
  const [text, bytes, weeks] = [new Table(), new Table(), new Map<number, Week>()];
  for (const page of pages(count, isShuffled)) {
    timed("text", () => value(text.add("commits", page)));
    const encoded = new TextEncoder().encode(page);
    timed("bytes", () => value(bytes.add("commits", encoded)));
    timed("copy", () => new TextEncoder().encodeInto(page, room));
    // What has come is there twice, as text and as objects, however it goes on.
    const rows = timed("parse", () => JSON.parse(page) as Page);
    timed("loop", () => loop(weeks, rows));
  }
  const asked = timed("text", () => value(text.metrics(RANGE, { today: TODAY })));
  assert.deepEqual(
    timed("bytes", () => value(bytes.metrics(RANGE, { today: TODAY }))),
    asked,
  );
  assert.equal(asked.count, weeks.size);
  for (const row of asked.results) {
    const week = weeks.get(Math.floor((Date.parse(row.period_start_date) / 86_400_000 + 3) / 7));
    assert(week);
    // What people write is not exact, but near.
    assert(Math.abs(week.days.size / week.users.size - row.active_days) < 0.051);
    assert(Math.abs(week.impact / week.users.size - row.total_impact) < 0.051);
  }
  text.free();
  bytes.free();
  return times;
}

/** Measures, prints and returns what text costs, and a table of it. */
export async function benchText(): Promise<Figure[]> {
  const streamgage = await builtPackage();
  const figures: Figure[] = [];
  for (const count of [100_000, 1_000_000])
    for (const isShuffled of [false, true]) {
      const order = isShuffled ? "shuffled" : "in time order";
      heading(`\nJSON text: ${count.toLocaleString("en")} commits, ${order}; milliseconds`);
      const rounds = Array.from({ length: count > 500_000 ? 3 : 7 }, () => readAll(streamgage, count, isShuffled));
      const of = (way: (times: Record<string, number>) => number) => median(rounds.map(way));
      for (const [name, ours] of [
        ["a string", of(({ text }) => text!)],
        ["bytes", of(({ bytes }) => bytes!)],
      ] as const) {
        figures.push(
          figure(
            `${name}; JSON.parse and a loop`,
            ours,
            of(({ parse, loop }) => parse! + loop!),
          ),
        );
        figures.push(
          figure(
            `${name}; JSON.parse alone`,
            ours,
            of(({ parse }) => parse!),
          ),
        );
      }
      // What wasm reads has to be copied to it first.
      figures.push(
        figure(
          "a string; the copy alone",
          of(({ text }) => text!),
          of(({ copy }) => copy!),
        ),
      );
    }
  return [...figures, ...(await benchTable(streamgage))];
}

/** A table of a million commits, asked with another range, another team and another repository each time. */
async function benchTable({ Table }: Package): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const isShuffled of [false, true]) {
    heading(
      `\na table of 1,000,000 commits ${isShuffled ? "shuffled" : "in time order"}, asked again; milliseconds; a frame`,
    );
    const table = new Table();
    for (const page of pages(1_000_000, isShuffled)) value(table.add("commits", page));
    const ids = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
    value(
      table.add(
        "teams",
        ids(TEAMS).map((id) => ({ id, name: `Team ${id}` })),
      ),
    );
    const members = ids(1_000).map((id) => ({
      id,
      apex_user_id: id,
      team_id: (id % TEAMS) + 1,
      membership_type: "contributor",
    }));
    value(table.add("team_membership", members));
    value(
      table.add(
        "repos",
        ids(REPOS).map((id) => ({ id, name: `repo ${id}` })),
      ),
    );
    let turn = 0;
    const later = () => new Date(Date.UTC(2024, 0, 1 + ((turn += 1) % 60))).toISOString().slice(0, 10);
    const ask = (more: object) => value(table.metrics({ ...RANGE, ...more }, { today: TODAY }));
    const times = await measure(
      {
        "another range": () => ask({ start_date: later() }),
        "another team": () => ask({ team_id: ((turn += 1) % TEAMS) + 1 }),
        "another repository": () => ask({ repo_id: ((turn += 1) % REPOS) + 1 }),
      },
      60,
    );
    for (const [name, time] of Object.entries(times)) figures.push(figure(name, time, 1_000 / 60));
    table.free();
  }
  return figures;
}
