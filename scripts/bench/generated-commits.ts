// Commits of 1,000 users in 104 weeks, as many on each day; the same every time.

/** A commit a place: users from 0, days since 1970-01-01, impact in ten-thousandths. */
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
/** The range of all of them, and a today that it is near to. */
export const RANGE = { start_date: "2024-01-01", end_date: "2025-12-28", resolution: "week" } as const;
export const TODAY = "2026-01-01";

/** Numbers below a bound, from one seed. */
export function numbers(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** In order of time, or shuffled. */
export function commits(count: number, isShuffled: boolean): Commits {
  const random = numbers();
  const places = Uint32Array.from({ length: count }, (_, place) => place);
  if (isShuffled)
    for (let last = count - 1; last > 0; last -= 1) {
      const other = random(last + 1);
      [places[last], places[other]] = [places[other]!, places[last]!];
    }
  const made: Commits = {
    users: new Uint16Array(count),
    days: new Uint16Array(count),
    haloc: new Uint16Array(count),
    churn: new Uint16Array(count),
    impact: new Uint32Array(count),
  };
  places.forEach((place, index) => {
    made.users[place] = random(USERS);
    made.days[place] = FIRST + Math.floor((index * DAYS) / count);
    made.haloc[place] = random(500);
    made.churn[place] = random(100);
    made.impact[place] = random(1_000_000);
  });
  return made;
}

/** Of each week: its Monday, users, coding days, commits, haloc, churn, impact. */
export type Weeks = number[][];

/** A quotient, rounded once; an exact tie goes to the even digit (§1). All of these numbers are exact in a double. */
function tenths(dividend: number, divisor: number): number {
  const below = Math.floor((dividend * 10) / divisor);
  const beyond = 2 * (dividend * 10 - below * divisor) - divisor;
  return (below + Number(beyond > 0 || (beyond === 0 && below % 2 === 1))) / 10;
}

/** What the weeks' rows show, a column after the other. */
export const rowsOf = (weeks: Weeks): number[][] => [
  weeks.map(([monday]) => monday! * 86_400_000),
  weeks.map(([, users, days]) => tenths(days!, users!)),
  weeks.map(([, , days, commits]) => tenths(commits!, days!)),
  weeks.map(([, users, , , , , impact]) => tenths(impact!, 10_000 * users!)),
  weeks.map(([, , , , haloc, churn]) => tenths(100 * (haloc! - churn!), haloc!)),
];
