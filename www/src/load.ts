/** The numbers of a view: its rows, the whole range, and the range before it to compare with. */
import * as api from "./api";
import type { Numbers } from "./cards";
import { addDays, daysBetween, earliest, monday, type Range, scaledDays, weeks } from "./dates";
import { queryString, type View } from "./view";

export const rangeOf = (view: View, today: string): Range => ({ start: view.start_date, end: view.end_date || today });

/** As many days just before; none where the API would not look so far back. */
function rangeBefore({ start, end }: Range, today: string): Range | undefined {
  const before = { start: addDays(start, -daysBetween(start, end)), end: addDays(start, -1) };
  return before.start < earliest(today) ? undefined : before;
}

/** Undefined where the range has no commits. */
export async function load(view: View, today: string, key: string, signal: AbortSignal): Promise<Numbers | undefined> {
  const weekly = view.resolution === "week";
  const ask = async (changes: Partial<View>) =>
    (await api.metrics(queryString({ ...view, ...changes }), key, signal)).results;
  const range = rangeOf(view, today);
  const earlier = rangeBefore(range, today);

  const [rows, whole, previous] = await Promise.all([
    ask({}),
    weekly ? ask({ resolution: "period" }) : undefined,
    // A comparison is worth having, but no reason to show nothing.
    earlier && ask({ resolution: "period", start_date: earlier.start, end_date: earlier.end }).catch(() => undefined),
  ]);
  const total = (whole ?? rows)[0];
  if (rows.length === 0 || !total) return undefined;
  const row = previous?.[0];
  const oneWeek = monday(range.start) === monday(range.end);
  const mondays = weekly ? rows.map((each) => each.period_start_date ?? "") : oneWeek ? [monday(range.start)] : [];
  return {
    rows,
    total,
    days: mondays.length > 0 ? scaledDays(mondays, range) : undefined,
    before: earlier && row ? { row, range: earlier } : undefined,
    // Commits may be dated after "today"; their weeks are shown as well.
    weeks: weekly ? weeks(range, today, rows.at(-1)?.period_start_date ?? today) : undefined,
  };
}
