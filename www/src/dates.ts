/** Arithmetic on calendar days in the API's format, "YYYY-MM-DD". It uses UTC, so every day has 24 hours. */

const DAY = 86_400_000;

const time = (date: string) => Date.parse(`${date}T00:00:00Z`);
const day = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10);

export const seconds = (date: string) => time(date) / 1000;
export const addDays = (date: string, days: number) => day(time(date) + days * DAY);
/** Counts the days from `start` to `end`, both included. */
export const daysBetween = (start: string, end: string) => Math.round((time(end) - time(start)) / DAY) + 1;
export const monday = (date: string) => addDays(date, -((new Date(time(date)).getUTCDay() + 6) % 7));

/** Returns the same day of another month, or that month's last day. */
export function addMonths(date: string, months: number): string {
  const from = new Date(time(date));
  const first = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1);
  const last = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0)).getUTCDate();
  return day(first + (Math.min(from.getUTCDate(), last) - 1) * DAY);
}

/** The earliest `start_date` that the API accepts: 3 years before today. */
export const earliest = (today: string) => addMonths(today, -36);

export interface Range {
  start: string;
  end: string;
}

export interface Preset extends Range {
  label: string;
}

/** Returns the preset ranges. "Last N weeks" means N whole weeks and the current partial week. */
export function presets(today: string): Preset[] {
  const quarter = `${today.slice(0, 5)}${String(Math.floor((Number(today.slice(5, 7)) - 1) / 3) * 3 + 1).padStart(2, "0")}-01`;
  return [
    { label: "Last 4 weeks", start: addDays(monday(today), -4 * 7), end: today },
    { label: "Last 12 weeks", start: addDays(monday(today), -12 * 7), end: today },
    { label: "This quarter", start: quarter, end: today },
    { label: "Last 6 months", start: addMonths(today, -6), end: today },
    { label: "Last year", start: addMonths(today, -12), end: today },
    { label: "3 years", start: earliest(today), end: today },
  ];
}

export interface Week {
  /** The Monday: `period_start_date` in the API. */
  start: string;
  /** The number of days inside the range and not in the future. */
  days: number;
  current: boolean;
}

/** Returns the weeks that overlap a range, up to the current week or, if later, the week that starts on `last`. */
export function weeks(range: Range, today: string, last: string): Week[] {
  const known = last > today ? addDays(last, 6) : today;
  const end = range.end < known ? range.end : known;
  const list: Week[] = [];
  for (let start = monday(range.start); start <= end; start = addDays(start, 7)) {
    const sunday = addDays(start, 6);
    const from = start < range.start ? range.start : start;
    const to = sunday < end ? sunday : end;
    list.push({ start, days: daysBetween(from, to), current: start <= today && today <= sunday });
  }
  return list;
}

/**
 * Returns the number of days that coding days and impact of a range are scaled to: the days of its weeks with commits,
 * at most seven. `mondays` are the weeks with commits.
 */
export function scaledDays(mondays: string[], range: Range): number {
  const days = mondays.map((start) => {
    const sunday = addDays(start, 6);
    return daysBetween(start < range.start ? range.start : start, sunday < range.end ? sunday : range.end);
  });
  return Math.min(
    7,
    days.reduce((sum, count) => sum + count, 0),
  );
}

/** Returns a note on a partial or current week, or "" for a complete week. */
export function partialWeekNote(week: Week): string {
  if (week.days === 7 && !week.current) return "";
  return `${week.current ? "in progress, " : ""}${week.days} of 7 days`;
}
