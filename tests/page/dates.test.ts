import assert from "node:assert/strict";
import { test } from "node:test";
import { addMonths, earliest, monday, partialWeekNote, presets, scaledDays, weeks } from "../../www/src/dates.ts";

test("addMonths clamps to the last day of the month", () => {
  assert.equal(addMonths("2026-03-31", -1), "2026-02-28");
  assert.equal(addMonths("2026-01-15", -1), "2025-12-15");
  assert.equal(earliest("2028-02-29"), "2025-02-28");
  assert.equal(earliest("2026-09-01"), "2023-09-01");
});

test("weeks start on Monday", () => {
  assert.deepEqual(["2026-08-30", "2026-08-31", "2026-09-06"].map(monday), ["2026-08-24", "2026-08-31", "2026-08-31"]);
});

test("short ranges are scaled to the days of their weeks with commits", () => {
  assert.equal(scaledDays(["2026-08-31"], { start: "2026-09-01", end: "2026-09-01" }), 1);
  assert.equal(scaledDays(["2026-08-24", "2026-08-31"], { start: "2026-08-29", end: "2026-09-01" }), 4);
  assert.equal(scaledDays(["2026-08-31"], { start: "2026-08-01", end: "2026-09-01" }), 2);
  assert.equal(scaledDays(["2026-08-24"], { start: "2026-08-24", end: "2026-09-01" }), 7);
  assert.equal(scaledDays(["2026-08-17", "2026-08-24"], { start: "2026-08-01", end: "2026-09-01" }), 7);
});

test("presets end today", () => {
  const starts = Object.fromEntries(presets("2026-09-01").map(({ label, start }) => [label, start]));
  assert.deepEqual(starts, {
    "Last 4 weeks": "2026-08-03",
    "Last 12 weeks": "2026-06-08",
    "This quarter": "2026-07-01",
    "Last 6 months": "2026-03-01",
    "Last year": "2025-09-01",
    "3 years": "2023-09-01",
  });
  assert.equal(presets("2026-12-31")[2]?.start, "2026-10-01");
});

test("partial and current weeks have a note", () => {
  const list = weeks({ start: "2026-08-19", end: "2026-12-31" }, "2026-09-01", "2026-08-31");
  assert.deepEqual(
    list.map((week) => [week.start, partialWeekNote(week)]),
    [
      ["2026-08-17", "5 of 7 days"],
      ["2026-08-24", ""],
      ["2026-08-31", "in progress, 2 of 7 days"],
    ],
  );
});

test("weeks with future commits are included", () => {
  const list = weeks({ start: "2026-08-31", end: "2026-12-31" }, "2026-09-01", "2026-09-14");
  assert.deepEqual(
    list.map(({ start }) => start),
    ["2026-08-31", "2026-09-07", "2026-09-14"],
  );
});
