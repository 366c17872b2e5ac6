import init, * as streamgage from "streamgage";
import { expect, test } from "vitest";
import { weeks } from "./weeks.js";

test("a table answers in jsdom", async () => {
  await init();
  document.body.textContent = weeks(streamgage);
  expect(document.body.textContent).toBe(
    '[{"period_start_date":"2026-06-01","active_days":1,"commit_count":1,"total_impact":4.5,"total_efficiency":100}]',
  );
});
