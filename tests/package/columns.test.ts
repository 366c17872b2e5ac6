// Metrics of typed arrays: equal to the metrics of the same commits as rows, or an error that names the position.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import init, {
  metricsColumnsOf,
  metricsOf,
  Table,
  type CommitColumns,
  type MetricsRange,
} from "../../browser/dist/inline.js";
import { currentInstance } from "../../browser/dist/instance.js";
import { Random } from "../reference/random.mjs";

const today = "2026-01-01";
const WEEKS: MetricsRange = { start_date: "2024-01-01", end_date: "2025-12-28", resolution: "week" };
/** 2024-01-01 */
const FIRST = 19_723;

const few = (more: object = {}): CommitColumns => ({
  users: new Uint16Array([0, 1, 0]),
  days: new Uint16Array([FIRST, FIRST, FIRST + 1]),
  haloc: new Uint16Array([10, 20, 30]),
  churn: new Uint16Array([1, 2, 3]),
  impact: new Uint32Array([10_000, 20_000, 30_000]),
  ...more,
});

/** Random order, oldest first, newest first. */
const ORDERS = [0, 1, -1] as const;

/** Random commits, some outside of the range. Later commits have higher user ids. */
function randomCommits(
  count: number,
  users: number,
  span: number,
  order: (typeof ORDERS)[number],
  seed: number,
): CommitColumns {
  const random = new Random(seed);
  const column = (below: number) => Array.from({ length: count }, () => Math.floor(random.unit() * below));
  const days = Uint16Array.from(column(span), (day) => FIRST - 30 + day);
  if (order !== 0) days.sort((one, other) => order * (one - other));
  return {
    users: Uint16Array.from(column(users), (user, at) => Math.ceil((user * at) / count)),
    days,
    haloc: Uint16Array.from(column(65_536)),
    churn: column(500),
    impact: Uint32Array.from(column(2 ** 32)),
  };
}

/** A table of the same commits. */
function tableOf({ users, days, haloc, churn, impact }: CommitColumns): Table {
  const rows = Array.from(users, (user, at) => ({
    id: at + 1,
    apex_user_id: user,
    repo_id: 1,
    author_local_date: new Date(days[at]! * 86_400_000).toISOString().slice(0, 19),
    haloc: haloc[at]!,
    churn: churn[at]!,
    impact: impact[at]! / 10_000,
  }));
  const table = new Table();
  assert(table.add("commits", rows).ok);
  return table;
}

before(() => init());

test("metrics equal those of the same commits as rows", () => {
  for (const [seed, [count, users, span]] of (
    [
      [0, 1, 1],
      [3, 2, 800],
      [900, 40, 35],
      [17_001, 1_000, 800],
      [40_000, 1_000, 60],
    ] as const
  ).entries())
    for (const order of ORDERS) {
      const commits = randomCommits(count, users, span, order, seed);
      using table = tableOf(commits);
      for (const range of [
        WEEKS,
        { ...WEEKS, resolution: "period" } as const,
        { ...WEEKS, start_date: "2024-05-15", end_date: "2024-06-20" },
        { ...WEEKS, end_date: "2190-01-01" },
      ]) {
        assert.deepEqual(metricsOf(commits, range, { today }), table.metrics(range, { today }));
        assert.deepEqual(metricsColumnsOf(commits, range, { today }), table.metricsColumns(range, { today }));
      }
    }
});

test("a column may be any array of numbers", () => {
  const expected = metricsOf(few(), WEEKS, { today });
  assert.equal(expected.ok && expected.value.count, 1);
  for (const Kind of [Uint8Array, Int16Array, Uint32Array, Float64Array, Array] as const) {
    const of = (numbers: number[]) => Kind.from(numbers);
    const columns = few({ users: of([0, 1, 0]), haloc: of([10, 20, 30]), churn: of([1, 2, 3]) });
    assert.deepEqual(metricsOf(columns, WEEKS, { today }), expected);
  }
  assert.deepEqual(metricsOf(few({ impact: [10_000, 20_000, 30_000] }), WEEKS, { today }), expected);
});

test("an invalid value is named by its index and column", () => {
  const detached = new Uint16Array(3);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (const [more, index, field, error] of [
    [{ haloc: [1, 2.5, 3] }, 1, "haloc", "must be an integer from 0 to 65535"],
    [{ churn: [1, 2, -1] }, 2, "churn", "must be an integer from 0 to 65535"],
    [{ users: new Uint32Array([65_536, 0, 0]) }, 0, "users", "must be an integer from 0 to 65535"],
    [{ days: new Float64Array([FIRST, NaN, 0]) }, 1, "days", "must be an integer from 0 to 65535"],
    [{ impact: [0, 0, 2 ** 32] }, 2, "impact", "must be an integer from 0 to 4294967295"],
    [{ days: detached }, null, "days", "is detached: its buffer was transferred"],
    [{ days: new Uint16Array(2) }, null, "days", "must have as many numbers as impact, 3"],
    // TypeScript rejects the following.
    [{ churn: undefined as never }, null, "churn", "is required"],
    [{ impact: 7 as never }, null, "impact", "is required"],
  ] as const) {
    const asked = metricsOf(few(more), WEEKS, { today });
    assert.deepEqual(!asked.ok && asked.error.kind === "row" && asked.error.row, {
      resource: "commits",
      index,
      field,
      error,
    });
  }
});

test("a range is validated like the API does", () => {
  const asked = metricsOf(few(), { start_date: "soon", resolution: "week" }, { today });
  assert.deepEqual(!asked.ok && asked.error.kind === "request" && asked.error.errors, {
    start_date: ["Provide a valid date. Date cannot be more than 3 years prior to now."],
  });
});

test("too many commits, and too many users and weeks, are rejected", () => {
  // The operating system does not allocate pages that are never touched.
  const all = new Uint8Array(360_000_000);
  const asked = metricsOf({ users: all, days: all, haloc: all, churn: all, impact: all }, WEEKS, { today });
  assert.equal(!asked.ok && asked.error.kind, "memory");
  const far = few({ users: [65_535, 0, 0], days: [65_535, FIRST, FIRST] });
  const cells = metricsOf(far, { ...WEEKS, end_date: "2190-01-01" }, { today });
  assert.equal(!cells.ok && cells.error.kind, "memory");
});

test("failures do not leak memory", () => {
  const { memory } = currentInstance()!;
  const fail = () => {
    for (let turn = 0; turn < 5_000; turn += 1) metricsOf(few({ haloc: [1, 2, -1] }), WEEKS, { today });
    return memory.buffer.byteLength;
  };
  const size = fail();
  assert.equal(fail(), size);
  const asked = metricsOf(few(), WEEKS, { today });
  assert.equal(asked.ok && asked.value.count, 1);
});
