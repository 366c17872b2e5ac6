import { use, useMemo } from "react";
import init, { Table } from "streamgage";

const started = init();

export function Weeks({ commits }) {
  use(started);
  const weeks = useMemo(() => {
    const table = new Table();
    table.add("commits", commits);
    const weeks = table.metrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
    table.free();
    return weeks;
  }, [commits]);
  return <pre>{weeks.ok ? JSON.stringify(weeks.value.results) : weeks.error.message}</pre>;
}
