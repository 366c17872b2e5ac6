/** Returns the weekly metrics of a commit as JSON. Copied into every project. */
export function weeks({ Table }) {
  const table = new Table();
  const commit = {
    id: 1,
    apex_user_id: 7,
    repo_id: 3,
    author_local_date: "2026-06-02T09:30:00",
    haloc: 12,
    impact: 4.5,
  };
  const added = table.add("commits", [commit]);
  const weeks = table.metrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
  table.free();
  return added.ok && weeks.ok ? JSON.stringify(weeks.value.results) : (added.error ?? weeks.error).message;
}
