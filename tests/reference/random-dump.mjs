// Random dumps: small, with many edge cases.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** @typedef {import("./random.mjs").Random} Random */
/** @typedef {Record<string, any>} Row */
/** @typedef {Record<"commits" | "users" | "teams" | "team_membership" | "repos" | "tags", Row[]>} Rows */

/** Current dates: an ordinary day, a leap day and its neighbors, and both sides of the end of a year. */
export const TODAYS = [
  "2026-09-01",
  "2028-02-29",
  "2028-02-28",
  "2028-03-01",
  "2027-01-01",
  "2026-12-31",
  "2024-02-29",
];

/** Offsets from UTC in seconds: extreme ones, half and quarter hours, and one that is not a whole minute. */
const OFFSETS = [0, 3600, -18000, 20700, 19800, -34200, 50400, -43200, 45900, 1172];

/** Names without letters whose upper case is longer (ß): the specification does not define their comparison. */
export const NAMES = [
  "api",
  "API-Gateway",
  "Überbau",
  "ÉTUDE",
  "web app",
  "50%_off",
  "İstanbul",
  "a&b=c",
  "ώμέγα",
  "日本",
  "",
];

/** Texts that an incorrect JSON scanner misreads. */
const MESSAGES = [
  "plain",
  'tricky", "id": 9, "haloc": 5, "x": "',
  '{"_deleted": true}',
  "back\\slash\\",
  "tab\tnew\nline\u0000",
  "\u2028\u{1f600} é",
  "",
  null,
];

const DAY_MS = 86_400_000;

/** @param {string} day @param {number} days @returns {string} */
export function shiftDay(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Returns days before `today` that are edge cases: ends of years, leap days, the first allowed day, last week. */
export function edgeDays(/** @type {string} */ today) {
  const year = Number(today.slice(0, 4));
  const oldest = `${year - 3}${today.slice(4).replace("02-29", "02-28")}`;
  const leapYear = year - (year % 4);
  return [
    oldest,
    `${year - 1}-01-01`,
    `${year - 2}-12-31`,
    `${leapYear}-02-29`,
    `${year - 1}-06-15`,
    shiftDay(today, -5),
  ];
}

/** Returns a number with 0 to 6 decimals, often exactly half of a ten-thousandth. */
function randomImpact(/** @type {Random} */ random) {
  if (random.chance(0.25)) return Number(`${random.int(0, 30)}.${String(random.int(0, 9999)).padStart(4, "0")}5`);
  return Number((random.unit() * random.pick([1, 60, 3000])).toFixed(random.int(0, 6)));
}

/** Returns the dates of a commit in one of their forms. @param {Random} random @param {string} day the local day of the author */
function randomDates(random, day) {
  const time = random.pick(["00:00:00", "23:59:59", "12:30:00", "23:59:59.999999", "00:00:01", "08:00:00.5"]);
  const local = `${day}T${time}`;
  const offset = random.pick(OFFSETS);
  const instant = Date.parse(`${day}T${time.slice(0, 8)}Z`) - offset * 1000;
  const utc = new Date(instant).toISOString().slice(0, 19) + time.slice(8);
  const minutes = Math.abs(Math.trunc(offset / 60));
  const zone = `${offset < 0 ? "-" : "+"}${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  switch (random.int(0, 7)) {
    case 0:
      return { author_date: utc, author_tzoffset: offset };
    case 1:
      return { author_date: `${utc}Z`, author_tzoffset: offset, author_local_date: null };
    case 2:
      return { author_date: `${local}${zone}` };
    case 3:
      return { author_date: `${local}${zone}`, author_tzoffset: null };
    case 4:
      return { author_date: local, author_tzoffset: random.pick([null, 0]) };
    case 5:
      return { author_local_date: local };
    case 6:
      // The local date takes precedence.
      return { author_date: "2025-03-03T03:03:03", author_tzoffset: offset, author_local_date: local };
    default:
      return { author_date: utc, author_tzoffset: offset, author_local_date: local };
  }
}

/** Returns true with the given probability, or else one of the values that mean false. */
function flag(/** @type {Random} */ random, /** @type {number} */ probability) {
  return random.chance(probability) ? true : random.pick([false, false, null, undefined]);
}

/** @param {Random} random @param {string} today @param {number} id @param {number} users @param {number} repos */
function randomCommit(random, today, id, users, repos) {
  const haloc = random.pick([0, 1, 2, 3, 8, random.int(0, 900)]);
  const spread = random.pick([2, 9]);
  const day = shiftDay(random.pick(edgeDays(today)), random.int(-spread, spread));
  return {
    id,
    // Some ids do not exist.
    apex_user_id: random.int(1, users + 1),
    repo_id: random.int(1, repos + 1),
    ...randomDates(random, day),
    is_merge: flag(random, 0.08),
    is_pr_orphan: flag(random, 0.08),
    outlier_reason: random.chance(0.08) ? random.int(0, 2) : random.pick([null, undefined]),
    ignore_hash: random.pick([null, undefined, `own${id}`, `own${id}`, `shared${random.int(1, 12)}`]),
    haloc: random.pick([haloc, haloc, haloc, null, undefined]),
    churn: random.pick([random.int(0, haloc), random.int(0, haloc), haloc + random.int(0, 3), null, undefined]),
    impact: random.pick([randomImpact(random), randomImpact(random), randomImpact(random), null, undefined]),
    message: random.pick(MESSAGES),
    extra: random.pick([undefined, undefined, { id: 9, haloc: [1, { churn: 2 }] }, [[]], 1.5e300]),
  };
}

/** @param {Random} random @param {string} today @param {number} [size] the number of commits @returns {Rows} */
export function randomRows(random, today, size = random.pick([random.int(0, 12), random.int(40, 250)])) {
  const users = random.int(1, 7);
  const repos = random.int(1, 5);
  const tags = random.int(1, 4);
  const teams = random.int(1, 8);
  /** @template T @param {number} count @param {(id: number) => T} row @returns {T[]} */
  const table = (count, row) => Array.from({ length: count }, (_, at) => row(at + 1));
  const tagIds = table(tags, (id) => id);
  const rows = {
    commits: table(size, (id) => randomCommit(random, today, id, users, repos)),
    users: table(users, (id) => ({ id, name: `User ${id}`, hidden_from_reports: flag(random, 0.2) })),
    teams: table(teams, (id) => ({
      id,
      name: `Team ${id}`,
      // Mostly a chain, so that three levels are usual; sometimes a cycle, the team itself, or an unknown parent.
      parent: random.pick([null, undefined, id - 1, id - 1, id - 1, random.int(1, teams + 1)]) || null,
    })),
    team_membership: table(random.int(0, 3 * users), (id) => ({
      id,
      membership_type: random.pick(["contributor", "contributor", "contributor", "viewer", "manager", null, undefined]),
      apex_user_id: random.int(1, users + 1),
      team_id: random.int(1, teams + 1),
    })),
    repos: table(repos, (id) => ({
      id,
      name: random.pick(NAMES),
      blocked: flag(random, 0.2),
      oldest_commit_date: random.pick([null, "2020-01-01T00:00:00"]),
      tags: random.pick([null, undefined, [], random.some(tagIds, 0.5), random.some(tagIds, 0.8)]),
    })),
    tags: table(tags, (id) => ({ id, name: `Tag ${id}` })),
  };
  return random.chance(0.7) ? addEdits(random, rows) : rows;
}

/** Shuffles rows, and adds rows that replace, delete or restore earlier ones. @param {Random} random @param {Rows} rows */
function addEdits(random, rows) {
  const edited = { ...rows };
  for (const resource of /** @type {(keyof Rows)[]} */ (Object.keys(rows))) {
    const table = rows[resource];
    edited[resource] = random.chance(0.3) ? random.shuffle(table) : [...table];
    for (const row of random.some(table, 0.1)) {
      const donor = random.pick(table);
      const [replaced, deleted] = [
        { ...donor, id: row.id },
        { id: row.id, _deleted: true },
      ];
      const back = { ...replaced, _deleted: false };
      const unknown = { ...deleted, id: row.id + 5000 };
      edited[resource].push(...random.pick([[replaced], [deleted], [deleted, back], [unknown]]));
    }
  }
  return edited;
}

/** Formats a row as a line, in one of the forms that JSON allows. @param {Random} random @param {Row} row */
function randomLine(random, row) {
  const members = Object.entries(row).filter(([, value]) => value !== undefined);
  const keys = random.chance(0.2) ? random.shuffle(members) : members;
  const [colon, comma] = random.pick([
    [":", ","],
    [":", ","],
    [": ", ", "],
    [" :\t", " ,  "],
  ]);
  const texts = keys.map(([name, value]) => {
    const escaped = random.chance(0.01) ? name.replace(/a/g, "\\u0061") : name;
    let text = JSON.stringify(value);
    if (name === "impact" && random.chance(0.2)) text = value === 0 ? "-0.0" : text.replace(/^\d+$/, "$&.00e0");
    if (["haloc", "churn"].includes(name) && random.chance(0.05)) text = text.replace(/\d$/, "$&.0");
    if (name === "message" && random.chance(0.2)) text = text.replace(/[^\x20-\x7e]/g, unicodeEscape);
    return `"${escaped}"${colon}${text}`;
  });
  return `{${texts.join(comma)}}`;
}

const unicodeEscape = (/** @type {string} */ unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Writes rows as a dump. With `random`, varies the form of the dump.
 * @param {string} dir @param {Rows} rows @param {Random} [random]
 */
export function writeDump(dir, rows, random) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  if (!random || random.chance(0.5)) writeFileSync(join(dir, "dump.json"), '{"format":1}\n');
  for (const [resource, table] of Object.entries(rows)) {
    if (table.length === 0 && (!random || random.chance(0.5))) continue;
    const lines = table.map((row) => `${random ? randomLine(random, row) : JSON.stringify(row)}\n`).join("");
    const text = random?.chance(0.1) ? lines.trimEnd() : lines;
    if (random?.chance(0.1)) writeFileSync(join(dir, `${resource}.ndjson.gz`), gzipSync(text));
    else writeFileSync(join(dir, `${resource}.ndjson`), text);
  }
}
