/** Calendar days as the API writes them, "YYYY-MM-DD". All arithmetic is in UTC, so no day is ever 23 or 25 hours long. */

const DAY = 86_400_000;

const time = (date: string) => Date.parse(`${date}T00:00:00Z`);
const day = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10);

export const seconds = (date: string) => time(date) / 1000;
export const addDays = (date: string, days: number) => day(time(date) + days * DAY);
/** Days from `start` to `end`, both included. */
export const daysBetween = (start: string, end: string) => Math.round((time(end) - time(start)) / DAY) + 1;
export const monday = (date: string) => addDays(date, -((new Date(time(date)).getUTCDay() + 6) % 7));

/** The same day of another month, or that month's last day. */
export function addMonths(date: string, months: number): string {
  const from = new Date(time(date));
  const first = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1);
  const last = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0)).getUTCDate();
  return day(first + (Math.min(from.getUTCDate(), last) - 1) * DAY);
}

/** The earliest start_date that the API takes: 3 years before today. */
export const earliest = (today: string) => addMonths(today, -36);

export interface Range {
  start: string;
  end: string;
}

export interface Preset extends Range {
  label: string;
}

/** "Last N weeks" are N whole weeks and what there is of this one. */
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
  /** The Monday, which the API calls period_start_date. */
  start: string;
  /** Days of the week that lie in the range, and not ahead. */
  days: number;
  current: boolean;
}

/** The weeks that a range touches, up to today's or, if later, the week that begins on `last`. */
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
 * The number of days that coding days and impact of a range are scaled to: the days of its weeks with commits, at most
 * seven. `mondays` are the weeks that have commits.
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

/** What sets an incomplete week apart from the others; "" for a whole one. */
export function partial(week: Week): string {
  if (week.days === 7 && !week.current) return "";
  return `${week.current ? "in progress, " : ""}${week.days} of 7 days`;
}
