// Checks the types with and without the DOM library. This code is never executed.
import init, {
  createClient,
  metricsColumnsOf,
  Table,
  validateMetrics,
  type Added,
  type Outcome,
} from "streamgage/lists";
import { connect } from "streamgage/worker";

await init(new Uint8Array());
// @ts-expect-error: a number is no module
await init(42);

const table = new Table({ lists: true });
// @ts-expect-error: a number is no list of rows
table.add("commits", 42);
// @ts-expect-error: a number is no stream
table.load("commits", 42);

const selected = table.list("commits", { fields: ["id", "haloc"], limit: 3 });
if (selected.ok) {
  selected.value.results[0]!.haloc satisfies number | null;
  // @ts-expect-error: the field is not selected
  selected.value.results[0]!.impact;
}
const others = table.list("commits", { omit: "impact,id" });
if (others.ok) {
  others.value.results[0]!.haloc satisfies number | null;
  // @ts-expect-error: the field is omitted
  others.value.results[0]!.impact;
}
const all = table.list("commits");
if (all.ok) all.value.results[0]!.impact satisfies number | null;
const some = table.list("commits", { fields: ["id", "haloc"] as string[] });
if (some.ok) some.value.results[0]!.impact satisfies number | null | undefined;

const client = createClient({ url: "https://example.com", key: "k" });
// @ts-expect-error: a client is no text
const text: string = client;
const loaded: Outcome<Added> = await client.load(table, "commits");

const listed = await client.list("commits", { fields: ["id"], haloc__gte: 3 });
if (listed.ok) {
  listed.value.results[0]!.id satisfies number;
  // @ts-expect-error: the field is not selected
  listed.value.results[0]!.haloc;
}
const one = table.object("users", 7, { fields: "id,name" });
if (one.ok) {
  one.value.name satisfies string | null;
  // @ts-expect-error: the field is not selected
  one.value.email;
}
validateMetrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
// @ts-expect-error: today is an option
validateMetrics({ start_date: "2026-06-01", resolution: "week" }, "2026-09-01");
metricsColumnsOf({ users: [], days: [], haloc: [], churn: [], impact: [] }, "start_date=2026-06-01&resolution=week");

const connection = connect({ postMessage() {}, addEventListener() {} });
const users = await (await connection.table()).list("users", { fields: ["id"] });
if (users.ok) {
  users.value.results[0]!.id satisfies number;
  // @ts-expect-error: the field is not selected
  users.value.results[0]!.name;
}
void [text, loaded];
