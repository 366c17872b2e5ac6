/** Loads the metrics of a view: its rows, the total of the range, and the total of the preceding range. */
import * as api from "./api";
import type { DashboardData } from "./metric-cards";
import { addDays, daysBetween, earliest, monday, type Range, scaledDays, weeks } from "./dates";
import { queryString, type View } from "./view";

export const rangeOf = (view: View, today: string): Range => ({ start: view.start_date, end: view.end_date || today });

/** Returns the preceding range of the same length, unless it starts earlier than the API accepts. */
function precedingRange({ start, end }: Range, today: string): Range | undefined {
  const preceding = { start: addDays(start, -daysBetween(start, end)), end: addDays(start, -1) };
  return preceding.start < earliest(today) ? undefined : preceding;
}

/** Returns undefined if the range has no commits. */
export async function loadMetrics(
  view: View,
  today: string,
  key: string,
  signal: AbortSignal,
): Promise<DashboardData | undefined> {
  const isWeekly = view.resolution === "week";
  const request = async (changes: Partial<View>) =>
    (await api.metrics(queryString({ ...view, ...changes }), key, signal)).results;
  const range = rangeOf(view, today);
  const earlier = precedingRange(range, today);

  const [rows, whole, previous] = await Promise.all([
    request({}),
    isWeekly ? request({ resolution: "period" }) : undefined,
    // A failed comparison must not hide the metrics.
    earlier &&
      request({ resolution: "period", start_date: earlier.start, end_date: earlier.end }).catch(() => undefined),
  ]);
  const total = (whole ?? rows)[0];
  if (rows.length === 0 || !total) return undefined;
  const row = previous?.[0];
  const oneWeek = monday(range.start) === monday(range.end);
  const mondays = isWeekly ? rows.map((each) => each.period_start_date ?? "") : oneWeek ? [monday(range.start)] : [];
  return {
    rows,
    total,
    days: mondays.length > 0 ? scaledDays(mondays, range) : undefined,
    previous: earlier && row ? { row, range: earlier } : undefined,
    // Commits may be dated in the future. Their weeks are shown as well.
    weeks: isWeekly ? weeks(range, today, rows.at(-1)?.period_start_date ?? today) : undefined,
  };
}
