// Deterministic commits of 1,000 users in 104 weeks, evenly distributed over the days.

/** Columns of commits: users from 0, days since 1970-01-01, impact in ten-thousandths. */
export type Commits = {
  users: Uint16Array;
  days: Uint16Array;
  haloc: Uint16Array;
  churn: Uint16Array;
  impact: Uint32Array;
};

export const USERS = 1_000;
export const WEEKS = 104;
export const DAYS = WEEKS * 7;
/** Monday, 2024-01-01. */
export const FIRST = 19_723;
/** The range of all commits, and a current day shortly after it. */
export const RANGE = { start_date: "2024-01-01", end_date: "2025-12-28", resolution: "week" } as const;
export const TODAY = "2026-01-01";

/** Returns a deterministic generator of numbers below a bound. */
function randomNumbers(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Generates commits in time order or shuffled. */
export function commits(count: number, isShuffled: boolean): Commits {
  const random = randomNumbers();
  const places = Uint32Array.from({ length: count }, (_, place) => place);
  if (isShuffled)
    for (let last = count - 1; last > 0; last -= 1) {
      const other = random(last + 1);
      [places[last], places[other]] = [places[other]!, places[last]!];
    }
  const columns: Commits = {
    users: new Uint16Array(count),
    days: new Uint16Array(count),
    haloc: new Uint16Array(count),
    churn: new Uint16Array(count),
    impact: new Uint32Array(count),
  };
  places.forEach((place, index) => {
    columns.users[place] = random(USERS);
    columns.days[place] = FIRST + Math.floor((index * DAYS) / count);
    columns.haloc[place] = random(500);
    columns.churn[place] = random(100);
    columns.impact[place] = random(1_000_000);
  });
  return columns;
}

/** One row per week: Monday, users, coding days, commits, haloc, churn, impact. */
export type Weeks = number[][];

/** Rounds a quotient to tenths, with ties to the even digit (§1). All numbers here are exact in a double. */
function roundToTenths(dividend: number, divisor: number): number {
  const below = Math.floor((dividend * 10) / divisor);
  const beyond = 2 * (dividend * 10 - below * divisor) - divisor;
  return (below + Number(beyond > 0 || (beyond === 0 && below % 2 === 1))) / 10;
}

/** Returns the columns of the metrics response for the weeks. */
export const rowsOf = (weeks: Weeks): number[][] => [
  weeks.map(([monday]) => monday! * 86_400_000),
  weeks.map(([, users, days]) => roundToTenths(days!, users!)),
  weeks.map(([, , days, commits]) => roundToTenths(commits!, days!)),
  weeks.map(([, users, , , , , impact]) => roundToTenths(impact!, 10_000 * users!)),
  weeks.map(([, , , , haloc, churn]) => roundToTenths(100 * (haloc! - churn!), haloc!)),
];
