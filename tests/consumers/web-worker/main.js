import { connect } from "streamgage/worker";

async function weeks() {
  const connection = connect(new Worker(new URL("./thread.js", import.meta.url), { type: "module" }));
  const table = await connection.table();
  await table.add("commits", [
    { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-02T09:30:00", haloc: 12, impact: 4.5 },
  ]);
  const weeks = await table.metrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
  connection.close();
  return weeks.ok ? JSON.stringify(weeks.value.results) : weeks.error.message;
}

weeks().then((text) => {
  document.body.textContent = text;
});
