import init, { Table } from "streamgage";

await init();
const table = new Table();
table.add("commits", [
  { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-02T09:30:00", haloc: 12, impact: 4.5 },
]);
const weeks = table.metrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
console.log(weeks.ok ? JSON.stringify(weeks.value.results) : weeks.error.message);
