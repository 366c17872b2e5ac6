import init, * as streamgage from "streamgage/lists";
import { connect } from "streamgage/worker";
import { weeks } from "./weeks.js";

await init();
console.log(weeks(streamgage));

const connection = connect(new Worker(new URL("./thread.js", import.meta.url), { type: "module" }));
const table = await connection.table();
await table.add("commits", [
  { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-02T09:30:00", haloc: 12, impact: 4.5 },
]);
const rows = await table.metrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
console.log(rows.ok ? JSON.stringify(rows.value.results) : rows.error.message);
connection.close();
