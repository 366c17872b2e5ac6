// Checks the types of the package with the strictest options. This code is never executed.
import init, {
  createClient,
  initSync,
  metricsColumnsOf,
  metricsOf,
  Table,
  validateList,
  type Commit,
  type Failure,
  type MetricsRow,
  type Outcome,
} from "streamgage";
import slim from "streamgage/slim";
import { connect } from "streamgage/worker";

await init();
await slim(new Uint8Array());
initSync(new Uint8Array());

const commits: Commit[] = [
  { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-01T09:30:00", more: 1 } as Commit,
];
// @ts-expect-error: the author is missing
const nobody: Commit = { id: 1, repo_id: 3 };
// @ts-expect-error: an id is a number
const text: Commit = { id: "1", apex_user_id: 7, repo_id: 3 };

using table = new Table({ lists: true });
// @ts-expect-error: the resource is unknown
table.add("commit", commits);
// @ts-expect-error: a team requires an id
table.add("teams", [{ name: "a" }]);
table.add("teams", [{ id: 1, name: "a" }]);

const typed = { users: [0], days: new Float64Array(1), haloc: [1], churn: [0], impact: new Uint32Array(1) };
const plotted = metricsColumnsOf(typed, { start_date: "2026-06-01", resolution: "period" }, { today: "2026-09-01" });
if (plotted.ok) plotted.value.active_days.subarray(0, 1);
// @ts-expect-error: columns have no teams
metricsOf(typed, { start_date: "2026-06-01", resolution: "week", team_id: 1 });
// @ts-expect-error: a column is missing
metricsOf({ users: [0] }, { start_date: "2026-06-01", resolution: "week" });

const weeks = table.metrics({ start_date: "2026-06-01", resolution: "week", team_id__in: [1, 2] });
// @ts-expect-error: the resolution is invalid
table.metrics({ start_date: "2026-06-01", resolution: "month" });
// @ts-expect-error: a range requires a start
table.metrics({ resolution: "week" });
// @ts-expect-error: a failure has no value
weeks.value;
if (weeks.ok) {
  const rows: MetricsRow[] = weeks.value.results;
  rows.map((row) => row.active_days.toFixed(1) + (row.period_start_date?.length ?? 0));
} else {
  // @ts-expect-error: not every failure has errors
  weeks.error.errors;
  explain(weeks.error);
}

const users = table.list("users", { limit: 5, name__icontains: "a", "id__in!": [1, 2] });
if (users.ok) {
  const team: string | null | undefined = users.value.results[0]?.teams[0]?.name;
  // @ts-expect-error: a team nested in a user has no level
  users.value.results[0]?.teams[0]?.team_level;
  // @ts-expect-error: every field is present
  const shown: undefined = users.value.results[0]!.email;
  void [team, shown];
}

const columns = table.metricsColumns("start_date=2026-06-01&resolution=week");
if (columns.ok) columns.value.total_impact satisfies Float64Array;

/** Handles every kind of failure. */
function explain(error: Failure): string {
  switch (error.kind) {
    case "request":
      return Object.keys(error.errors).join();
    case "row":
      return `${error.row.resource}[${error.row.index}]`;
    case "throttled":
      return `${error.retryAfter ?? 60} s`;
    case "key":
    case "permission":
    case "server":
    case "unexpected":
      return String(error.status);
    case "not-found":
    case "not-started":
    case "usage":
    case "no-lists":
    case "freed":
    case "memory":
    case "network":
    case "aborted":
    case "worker":
      return error.message;
    default:
      return error satisfies never;
  }
}

const client = createClient({ url: "https://example.com", key: "k" });
const loaded: Outcome<{ rows: number }> = await client.load(table, "commits", "limit=1000", {
  signal: AbortSignal.timeout(1000),
  onProgress: ({ rows, count }) => void [rows.toFixed(), count],
});
// @ts-expect-error: the key is required
createClient({ url: "https://example.com" });

const remote = connect(new Worker("thread.js", { type: "module" }));
const elsewhere = await remote.table({ lists: true });
const answered = await elsewhere.list("commits");
if (answered.ok) answered.value.results[0]?.haloc satisfies number | null | undefined;

validateList("commits.agg", "group_by[repo_id]");
void [nobody, text, loaded];
