// The same in JavaScript over typed arrays, as well as we know how to write it: each commit for itself, which suits any
// order, and those of one day that follow each other together, which suits the order of time.
import { DAYS, FIRST, USERS, WEEKS, type Commits, type Weeks } from "./made-up.ts";

/** So many commits a function takes at once: what is called often is compiled best. */
const STEP = 8_192;

type Take = (begin: number, end: number, seen: Uint8Array, sums: Int32Array) => void;

/** Weeks, by marks for each day and user and by sums for each day, which 31 bits hold here. */
function weeksBy(count: number, take: Take): Weeks {
  const seen = new Uint8Array(DAYS * USERS);
  const sums = new Int32Array(DAYS * 4);
  for (let begin = 0; begin < count; begin += STEP) take(begin, Math.min(begin + STEP, count), seen, sums);
  const words = new Uint32Array(seen.buffer);
  const wide = USERS / 4;
  return Array.from({ length: WEEKS }, (_, week) => {
    const row = [FIRST + week * 7, 0, 0, 0, 0, 0, 0];
    let [users, days] = [0, 0];
    for (let word = week * 7 * wide; word < (week * 7 + 1) * wide; word += 1) {
      let four = 0;
      for (let day = 0; day < 7; day += 1) four += words[word + day * wide]!;
      // Four users in a word, none with more than seven days.
      days += Math.imul(four, 0x01010101) >>> 24;
      users += Math.imul(((four + 0x07070707) >>> 3) & 0x01010101, 0x01010101) >>> 24;
    }
    [row[1], row[2]] = [users, days];
    for (let sum = week * 28; sum < week * 28 + 28; sum += 1) row[3 + (sum & 3)]! += sums[sum]!;
    return row;
  });
}

const add = (sums: Int32Array, at: number, commits: number, haloc: number, churn: number, impact: number) => {
  sums[at]! += commits;
  sums[at + 1]! += haloc;
  sums[at + 2]! += churn;
  sums[at + 3]! += impact;
};

/** Five arrays. */
function arrays({ users, days, haloc, churn, impact }: Commits): Record<string, Take> {
  return {
    "five arrays, each": (begin, end, seen, sums) => {
      for (let at = begin; at < end; at += 1) {
        const day = days[at]! - FIRST;
        seen[day * USERS + users[at]!] = 1;
        add(sums, day << 2, 1, haloc[at]!, churn[at]!, impact[at]!);
      }
    },
    "five arrays, days": (begin, end, seen, sums) => {
      for (let at = begin; at < end;) {
        const first = at;
        const day = days[at]!;
        const cell = (day - FIRST) * USERS;
        let [h, c, i] = [0, 0, 0];
        do {
          seen[cell + users[at]!] = 1;
          h = (h + haloc[at]!) | 0;
          c = (c + churn[at]!) | 0;
          i = (i + impact[at]!) | 0;
          at += 1;
        } while (at < end && days[at] === day);
        add(sums, (day - FIRST) << 2, at - first, h, c, i);
      }
    },
  };
}

/** One buffer: three words a commit, the first two with two numbers each. Five words are slower. */
function interleaved({ users, days, haloc, churn, impact }: Commits): Record<string, Take> {
  const words = new Uint32Array(users.length * 3);
  for (let at = 0; at < users.length; at += 1)
    words.set([users[at]! | (days[at]! << 16), haloc[at]! | (churn[at]! << 16), impact[at]!], at * 3);
  return {
    "interleaved, each": (begin, end, seen, sums) => {
      for (let at = begin * 3; at < end * 3; at += 3) {
        const [who, lines] = [words[at]!, words[at + 1]!];
        const day = (who >>> 16) - FIRST;
        seen[day * USERS + (who & 0xffff)] = 1;
        add(sums, day << 2, 1, lines & 0xffff, lines >>> 16, words[at + 2]!);
      }
    },
    "interleaved, days": (begin, end, seen, sums) => {
      for (let at = begin * 3; at < end * 3;) {
        const first = at;
        let who = words[at]!;
        const day = who >>> 16;
        const cell = (day - FIRST) * USERS;
        let [h, c, i] = [0, 0, 0];
        do {
          const lines = words[at + 1]!;
          seen[cell + (who & 0xffff)] = 1;
          h = (h + (lines & 0xffff)) | 0;
          c = (c + (lines >>> 16)) | 0;
          i = (i + words[at + 2]!) | 0;
          at += 3;
          who = words[at]!;
        } while (at < end * 3 && who >>> 16 === day);
        add(sums, (day - FIRST) << 2, (at - first) / 3, h, c, i);
      }
    },
  };
}

/** Every way, by name. */
export const inJavaScript = (data: Commits): Record<string, () => Weeks> =>
  Object.fromEntries(
    Object.entries({ ...arrays(data), ...interleaved(data) }).map(([name, take]) => [
      name,
      () => weeksBy(data.users.length, take),
    ]),
  );
