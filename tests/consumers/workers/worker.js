import init, { Table } from "streamgage";

export default {
  async fetch(request) {
    await init();
    const table = new Table();
    try {
      const added = await table.load("commits", request);
      const weeks = table.metrics({ start_date: "2026-06-01", resolution: "week" }, { today: "2026-09-01" });
      return added.ok && weeks.ok ? Response.json(weeks.value.results) : new Response(null, { status: 400 });
    } finally {
      table.free();
    }
  },
};
