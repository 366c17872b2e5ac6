// Optimized JavaScript implementations of weekly sums over typed arrays. Some process each commit separately, which suits
// any order; others process runs of commits of one day, which suits time order. Pairs of 16-bit numbers are read as words.
// Active users are marked by one byte per day, or by one bit per day in a byte per week.
import { DAYS, FIRST, USERS, WEEKS, type Commits, type Weeks } from "./generated-commits.ts";

/** Commits per call. Functions that are called often are optimized earlier. */
const STEP = 8_192;

type AddCommits = (begin: number, end: number, seen: Uint8Array, sums: Int32Array) => void;

/** Counts the marked users of a week (high half) and their marks (low half). A word holds four users. */
type CountMarks = (words: Uint32Array, week: number) => number;

const WORDS = USERS / 4;
/** By day: the offset of the marks of its week, and its bit in them. */
const WEEK = Int32Array.from({ length: DAYS }, (_, day) => Math.floor(day / 7) * USERS);
const BIT = Uint8Array.from({ length: DAYS }, (_, day) => 1 << (day % 7));

/** Returns the sum of four bytes. */
const sumBytes = (bytes: number): number => Math.imul(bytes, 0x01010101) >>> 24;

function byDay(words: Uint32Array, week: number): number {
  let [users, days] = [0, 0];
  for (let word = week * 7 * WORDS; word < (week * 7 + 1) * WORDS; word += 1) {
    let marks = 0;
    for (let day = 0; day < 7; day += 1) marks += words[word + day * WORDS]!;
    days += sumBytes(marks);
    users += sumBytes(((marks + 0x07070707) >>> 3) & 0x01010101);
  }
  return users * 0x10000 + days;
}

function byWeek(words: Uint32Array, week: number): number {
  let [users, days] = [0, 0];
  for (let word = week * WORDS; word < (week + 1) * WORDS; word += 1) {
    let marks = words[word]!;
    users += sumBytes(((marks + 0x7f7f7f7f) >>> 7) & 0x01010101);
    marks -= (marks >>> 1) & 0x55555555;
    marks = (marks & 0x33333333) + ((marks >>> 2) & 0x33333333);
    days += sumBytes((marks + (marks >>> 4)) & 0x0f0f0f0f);
  }
  return users * 0x10000 + days;
}

/** Computes weekly rows from user marks and daily sums, which fit into 31 bits here. */
function weeksBy(commits: number, addCommits: AddCommits, marks: number, count: CountMarks): Weeks {
  const seen = new Uint8Array(marks);
  const sums = new Int32Array(DAYS * 4);
  for (let begin = 0; begin < commits; begin += STEP) addCommits(begin, Math.min(begin + STEP, commits), seen, sums);
  const words = new Uint32Array(seen.buffer);
  const weeks: Weeks = [];
  for (let week = 0; week < WEEKS; week += 1) {
    const both = count(words, week);
    const row = [FIRST + week * 7, both >>> 16, both & 0xffff, 0, 0, 0, 0];
    for (let sum = week * 28; sum < week * 28 + 28; sum += 1) row[3 + (sum & 3)]! += sums[sum]!;
    weeks.push(row);
  }
  return weeks;
}

const add = (sums: Int32Array, at: number, commits: number, haloc: number, churn: number, impact: number) => {
  sums[at]! += commits;
  sums[at + 1]! += haloc;
  sums[at + 2]! += churn;
  sums[at + 3]! += impact;
};

/** Views an even number of 16-bit numbers as words. */
const pairs = (column: Uint16Array) => new Uint32Array(column.buffer, column.byteOffset, column.length / 2);

/** Implementations over five arrays. */
function overArrays({ users, days, haloc, churn, impact }: Commits): Record<string, () => Weeks> {
  const [user2, day2, haloc2, churn2] = [pairs(users), pairs(days), pairs(haloc), pairs(churn)];
  const eachByDay: AddCommits = (begin, end, seen, sums) => {
    for (let at = begin; at < end; at += 2) {
      const pair = at >> 1;
      const who = user2[pair]!;
      const when = day2[pair]!;
      const h = haloc2[pair]!;
      const c = churn2[pair]!;
      const one = (when & 0xffff) - FIRST;
      const other = (when >>> 16) - FIRST;
      seen[one * USERS + (who & 0xffff)] = 1;
      add(sums, one << 2, 1, h & 0xffff, c & 0xffff, impact[at]!);
      seen[other * USERS + (who >>> 16)] = 1;
      add(sums, other << 2, 1, h >>> 16, c >>> 16, impact[at + 1]!);
    }
  };
  const eachByWeek: AddCommits = (begin, end, seen, sums) => {
    for (let at = begin; at < end; at += 2) {
      const pair = at >> 1;
      const who = user2[pair]!;
      const when = day2[pair]!;
      const h = haloc2[pair]!;
      const c = churn2[pair]!;
      const one = (when & 0xffff) - FIRST;
      const other = (when >>> 16) - FIRST;
      seen[WEEK[one]! + (who & 0xffff)]! |= BIT[one]!;
      add(sums, one << 2, 1, h & 0xffff, c & 0xffff, impact[at]!);
      seen[WEEK[other]! + (who >>> 16)]! |= BIT[other]!;
      add(sums, other << 2, 1, h >>> 16, c >>> 16, impact[at + 1]!);
    }
  };
  const daysByWeek: AddCommits = (begin, end, seen, sums) => {
    for (let at = begin; at < end;) {
      const first = at;
      const day = days[at]! - FIRST;
      const both = (days[at]! * 0x10001) >>> 0;
      const [cell, bit] = [WEEK[day]!, BIT[day]!];
      let [h, c, i] = [0, 0, 0];
      for (; at < end && (at & 1 || day2[at >> 1] !== both) && days[at]! - FIRST === day; at += 1) {
        seen[cell + users[at]!]! |= bit;
        h = (h + haloc[at]!) | 0;
        c = (c + churn[at]!) | 0;
        i = (i + impact[at]!) | 0;
      }
      for (; at < end && day2[at >> 1] === both; at += 2) {
        const who = user2[at >> 1]!;
        const lines = haloc2[at >> 1]!;
        const rework = churn2[at >> 1]!;
        seen[cell + (who & 0xffff)]! |= bit;
        seen[cell + (who >>> 16)]! |= bit;
        h = (h + (lines & 0xffff) + (lines >>> 16)) | 0;
        c = (c + (rework & 0xffff) + (rework >>> 16)) | 0;
        i = (i + impact[at]! + impact[at + 1]!) | 0;
      }
      add(sums, day << 2, at - first, h, c, i);
    }
  };
  return {
    "five arrays, each, by day": () => weeksBy(users.length, eachByDay, DAYS * USERS, byDay),
    "five arrays, each, by week": () => weeksBy(users.length, eachByWeek, WEEKS * USERS, byWeek),
    "five arrays, days": () => weeksBy(users.length, daysByWeek, WEEKS * USERS, byWeek),
  };
}

/** Implementations over one buffer with three words per commit. The first two contain two numbers each. */
function overInterleaved({ users, days, haloc, churn, impact }: Commits): Record<string, () => Weeks> {
  const words = new Uint32Array(users.length * 3);
  for (let at = 0; at < users.length; at += 1)
    words.set([users[at]! | (days[at]! << 16), haloc[at]! | (churn[at]! << 16), impact[at]!], at * 3);
  const eachByWeek: AddCommits = (begin, end, seen, sums) => {
    for (let at = begin * 3; at < end * 3; at += 3) {
      const who = words[at]!;
      const lines = words[at + 1]!;
      const day = (who >>> 16) - FIRST;
      seen[WEEK[day]! + (who & 0xffff)]! |= BIT[day]!;
      add(sums, day << 2, 1, lines & 0xffff, lines >>> 16, words[at + 2]!);
    }
  };
  const daysByWeek: AddCommits = (begin, end, seen, sums) => {
    for (let at = begin * 3; at < end * 3;) {
      const first = at;
      let who = words[at]!;
      const when = who >>> 16;
      const day = when - FIRST;
      const [cell, bit] = [WEEK[day]!, BIT[day]!];
      let [h, c, i] = [0, 0, 0];
      do {
        const lines = words[at + 1]!;
        seen[cell + (who & 0xffff)]! |= bit;
        h = (h + (lines & 0xffff)) | 0;
        c = (c + (lines >>> 16)) | 0;
        i = (i + words[at + 2]!) | 0;
        at += 3;
        who = words[at]!;
      } while (at < end * 3 && who >>> 16 === when);
      add(sums, day << 2, (at - first) / 3, h, c, i);
    }
  };
  return {
    "interleaved, each": () => weeksBy(users.length, eachByWeek, WEEKS * USERS, byWeek),
    "interleaved, days": () => weeksBy(users.length, daysByWeek, WEEKS * USERS, byWeek),
  };
}

/** Returns all implementations by name. */
export const inJavaScript = (data: Commits): Record<string, () => Weeks> => ({
  ...overArrays(data),
  ...overInterleaved(data),
});
