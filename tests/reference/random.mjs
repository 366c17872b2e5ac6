// Seeded random dumps and metrics requests: small, and nasty on purpose.
//
//   node tests/reference/random.mjs --seed 1 --out DIR [--queries 50]
//
// writes DIR/dump/… and DIR/period_metrics.json, answered by the reference.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { bodyText, loadDump } from "./metrics.mjs";

/** @typedef {Record<string, any>} Row */
/** @typedef {Record<"commits" | "users" | "teams" | "team_membership" | "repos" | "tags", Row[]>} Rows */

// ---- Chance ---------------------------------------------------------------------------------------------------------

/** A small generator of its own (mulberry32), so that a seed means the same everywhere. */
export class Random {
  #state;
  constructor(/** @type {number} */ seed) {
    this.#state = seed | 0;
  }
  /** In [0, 1). */
  unit() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
  /** A whole number, both ends included. */
  int(/** @type {number} */ low, /** @type {number} */ high) {
    return low + Math.floor(this.unit() * (high - low + 1));
  }
  chance(/** @type {number} */ probability) {
    return this.unit() < probability;
  }
  /** @template T @param {readonly T[]} items @returns {T} */
  pick(items) {
    return /** @type {T} */ (items[this.int(0, items.length - 1)]);
  }
  /** Each item with this chance. @template T @param {readonly T[]} items @param {number} probability @returns {T[]} */
  some(items, probability) {
    return items.filter(() => this.chance(probability));
  }
  /** @template T @param {readonly T[]} items @returns {T[]} */
  shuffle(items) {
    const shuffled = [...items];
    for (let at = shuffled.length - 1; at > 0; at -= 1) {
      const other = this.int(0, at);
      [shuffled[at], shuffled[other]] = /** @type {[T, T]} */ ([shuffled[other], shuffled[at]]);
    }
    return shuffled;
  }
}

// ---- Dumps ----------------------------------------------------------------------------------------------------------

/** Days to be "today": ordinary, a leap day, its eve and morrow, both sides of a year's end. */
const TODAYS = ["2026-09-01", "2028-02-29", "2028-02-28", "2028-03-01", "2027-01-01", "2026-12-31", "2024-02-29"];

/** Offsets from UTC in seconds: the outermost ones, half and quarter hours, and one with seconds. */
const OFFSETS = [0, 3600, -18000, 20700, 19800, -34200, 50400, -43200, 45900, 1172];

/** Without letters that upper case makes longer (ß): the specification leaves those open. */
const NAMES = [
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

/** Texts that a careless reader of JSON would trip over. */
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

/** Days worth a visit before `today`: the ends of years, leap days, the oldest allowed day, last week. */
function anchors(/** @type {string} */ today) {
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

/** A number with 0 to 6 decimals, often an exact tie at the fifth. */
function randomImpact(/** @type {Random} */ random) {
  if (random.chance(0.25)) return Number(`${random.int(0, 30)}.${String(random.int(0, 9999)).padStart(4, "0")}5`);
  return Number((random.unit() * random.pick([1, 60, 3000])).toFixed(random.int(0, 6)));
}

/** The forms that the date of a commit may take. @param {Random} random @param {string} day its author's local day */
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
      // The local date wins, whatever the others say.
      return { author_date: "2025-03-03T03:03:03", author_tzoffset: offset, author_local_date: local };
    default:
      return { author_date: utc, author_tzoffset: offset, author_local_date: local };
  }
}

/** A flag that is mostly off, in all the ways of being off. */
function flag(/** @type {Random} */ random, /** @type {number} */ probability) {
  return random.chance(probability) ? true : random.pick([false, false, null, undefined]);
}

/** @param {Random} random @param {string} today @param {number} id @param {number} users @param {number} repos */
function randomCommit(random, today, id, users, repos) {
  const haloc = random.pick([0, 1, 2, 3, 8, random.int(0, 900)]);
  const spread = random.pick([2, 9]);
  const day = shiftDay(random.pick(anchors(today)), random.int(-spread, spread));
  return {
    id,
    // One more than there are: some are unknown.
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

/** @param {Random} random @param {string} today @param {number} [size] how many commits @returns {Rows} */
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
      // Mostly a chain, so three deep is usual; now and then a cycle, itself, or a parent that is not there.
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

/** Out of order; rows that replace or delete earlier ones, and rows that come back. @param {Random} random @param {Rows} rows */
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

/** A row as a line, in one of the ways that JSON allows. @param {Random} random @param {Row} row */
function randomLine(random, row) {
  const members = Object.entries(row).filter(([, value]) => value !== undefined);
  const keys = random.chance(0.2) ? random.shuffle(members) : members;
  const [colon, comma] = random.pick([
    [":", ","],
    [":", ","],
    [": ", ", "],
    [" :\t", " ,  "],
  ]);
  const text = keys.map(([name, value]) => {
    const escaped = random.chance(0.01) ? name.replace(/a/g, "\\u0061") : name;
    let shown = JSON.stringify(value);
    if (name === "impact" && random.chance(0.2)) shown = value === 0 ? "-0.0" : shown.replace(/^\d+$/, "$&.00e0");
    if (["haloc", "churn"].includes(name) && random.chance(0.05)) shown = shown.replace(/\d$/, "$&.0");
    if (name === "message" && random.chance(0.2)) shown = shown.replace(/[^\x20-\x7e]/g, unicodeEscape);
    return `"${escaped}"${colon}${shown}`;
  });
  return `{${text.join(comma)}}`;
}

const unicodeEscape = (/** @type {string} */ unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Writes rows as a dump; with `random`, in all the forms that a dump may have.
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

/**
 * Requests over the dump beside the file, with the answers of the reference, one a line.
 * @param {string} path @param {string[]} queries @param {string} today @param {import("./metrics.mjs").Dump} dump
 */
export function writeCases(path, queries, today, dump) {
  const cases = queries.map((query) => {
    const { status, body } = bodyText(query, today, dump);
    return `{"query":${JSON.stringify(query)},"status":${status},"body":${body}}`;
  });
  writeFileSync(path, `{"dump":"dump","today":"${today}","cases":[\n${cases.join(",\n")}\n]}\n`);
}

// ---- Requests -------------------------------------------------------------------------------------------------------

// prettier-ignore
const STRANGE_NUMBERS = [
  " 1_0 ", "1e2", "1E0", ".5", "5.", "٣", "1٣", "𝟗", "nan", "NaN12", "sNaN", "inf", "-Infinity", "1e999", "-1e999", "1e-999",
  "123456789012345678901234567890", "-123456789012345678901234567890", "1.9999999999999999999999999", "18446744073709551617",
  "9223372036854775808", "4294967297", "0.9", "-0.9", "-0", "+2", "--2", "2-", "1 2", "0x1", "²", "½", "一", "_", "_2_", "1__", "e1", ".",
  "1e", "1e+", "2e+0", "20e-1", "1,5", "true", "None", "\u00a02\u2003", "\u001c2\u0085", "\u200b2", "\ufeff2", "1\u0000", " ", "\t",
  "1e999999999999999999", "1e1000000000000000000", "1e-999999999999999999", "000000000000000000000000000000002", "2.0", "3.", "1e0_0",
];

// prettier-ignore
const STRANGE_LISTS = [
  ",", ",,", "1,,2", ",1", "1,", " 1 , 2 ", "1, ,2", "1,x", "1;2", "1.5,2.5", "1e0,2_", "3,3,3", "1,1e999", " ", "٢,١",
];

// prettier-ignore
const STRANGE_CHOICES = [
  "yes", "True", "TRUE", "week ", " week", "month", "1", "0", "it's", '"', `'"`, `it's "so"`, "back\\slash", "a\tb\nc\rd", "\u0000", "\u001b[31m",
  "\u007f", "\u0080", "\u009f", "\u00a0", "\u00ad", "é", "日本", "\u200b", "\u2028", "\u2029", "\u2003", "\u3000", "\ufeff", "\ufffd", "\uffff",
  "\ue000", "\u0378", "\u{1f600}", "\u{e0001}", "\u{f0000}", "\u{10ffff}", "\u{1d173}", "\u0301", " ", "week,period", "weeK", "ｗeek", "false\u0000",
];

// prettier-ignore
const STRANGE_DATES = [
  "2026-13-01", "2026-02-30", "2025-02-29", "2024-02-29", "2026-1-1", "20260101", "2026-W01-1", "2026/01/01", "01-01-2026", "2026-01-01T00:00:00",
  "2026-01-01Z", "tomorrow", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "+2026-01-01", "-2026-01-01", "٢٠٢٦-٠١-٠١", "2026-00-10",
  "2026-10-00", "2026-01-32", "2026-04-31", "2100-02-29", "2026‑01‑01", " ", "2026-01-0 1", "2026-01-01\u0000", "1e3", "2020-01-01", "2026-01-1", "26-01-01",
];

// prettier-ignore
const STRANGE_NAMES = [
  "\u0000", "a\u0000", " ", "\u00a0", "ı", "%", "_", "%41", "+", "ǆ", "\ufffd", "'; --", "null", "é", "E\u0301",
];

const CHOICES = { include_nested_teams: ["true", "false"], resolution: ["week", "period"] };
const IDS = ["apex_user_id", "team_id", "repo_id", "repo_tag_id"];
const LISTS = ["apex_user_id__in", "team_id__in", "repo_id__in", "repo_id_not__in", "repo_tag_id__in"];

/** A value, percent-encoded in one of the ways that mean the same. @param {Random} random @param {string} value */
function encode(random, value) {
  const encoded = encodeURIComponent(value);
  switch (random.int(0, 4)) {
    case 0:
      return encoded.replaceAll("%20", "+");
    case 1:
      return encoded.replaceAll("%2C", ",");
    case 2: {
      const hex = Buffer.from(value, "utf8").toString("hex").replace(/../g, "%$&");
      return random.chance(0.5) ? hex : hex.toUpperCase();
    }
    case 3:
      // As it is, where it would not be read as something else.
      return /^[\p{L}\p{N}_.,:;'/-]*$/u.test(value) ? value : encoded;
    default:
      return encoded;
  }
}

/** @param {Random} random @param {string} today @returns {string} */
export function randomQuery(random, today) {
  /** @type {[string, string][]} */
  const parameters = [];
  const start = shiftDay(random.pick(anchors(today)), random.int(-12, 5));
  const end = shiftDay(start, random.pick([0, 1, 6, 7, 13, 29, 365, 1200, random.int(0, 60), random.int(10, 800)]));
  const put = (/** @type {string} */ name, /** @type {string} */ value) =>
    parameters.push([name, encode(random, value)]);

  put("start_date", start);
  put("resolution", random.pick(CHOICES.resolution));
  if (random.chance(0.75)) put("end_date", end);
  if (random.chance(0.4)) put("include_nested_teams", random.pick(CHOICES.include_nested_teams));
  const density = random.pick([0, 0.03, 0.1, 0.3]);
  for (const name of random.some(IDS, density)) put(name, String(random.int(1, 6)));
  for (const name of random.some(LISTS, density)) {
    put(name, Array.from({ length: random.int(1, 6) }, () => random.int(0, 7)).join(","));
  }
  if (random.chance(density)) {
    const name = random.pick(NAMES);
    const at = random.int(0, name.length);
    put("repo_name", random.pick([name, name.toUpperCase(), name.toLowerCase(), ` ${name} `, name.slice(at, at + 2)]));
  }
  if (random.chance(0.5)) for (let left = random.int(1, 3); left > 0; left -= 1) addStrange(random, put, parameters);
  const query = (random.chance(0.3) ? random.shuffle(parameters) : parameters).map((pair) => pair.join("="));
  if (random.chance(0.05))
    query.splice(random.int(0, query.length), 0, random.pick(["", "=", "=5", "&", "repo_id", "x"]));
  return query.join("&");
}

/** @param {Random} random @param {(name: string, value: string) => void} put @param {[string, string][]} parameters */
function addStrange(random, put, parameters) {
  const raw = (/** @type {string} */ name, /** @type {string} */ value) => parameters.push([name, value]);
  const anyName = random.pick([
    "start_date",
    "end_date",
    "include_nested_teams",
    "resolution",
    ...IDS,
    ...LISTS,
    "repo_name",
  ]);
  switch (random.int(0, 11)) {
    case 0:
    case 1:
      return put(random.pick(IDS), random.pick(STRANGE_NUMBERS));
    case 2:
      return put(random.pick(LISTS), random.pick([...STRANGE_LISTS, ...STRANGE_NUMBERS]));
    case 3:
      return put(random.pick(LISTS), `1,${random.pick(STRANGE_NUMBERS)},2`);
    case 4:
    case 5: {
      const choice = random.pick(STRANGE_CHOICES);
      return put(
        random.pick(Object.keys(CHOICES)),
        random.chance(0.2) ? choice + random.pick(STRANGE_CHOICES) : choice,
      );
    }
    case 6:
      return put(random.pick(["start_date", "end_date"]), random.pick(STRANGE_DATES));
    case 7:
      return put("repo_name", random.pick(STRANGE_NAMES));
    case 8:
      // Blank, or without a value at all; the last one counts.
      return raw(anyName, "");
    case 9: {
      const unreadable = [
        "%",
        "%z",
        "%zz",
        "%4",
        "%C3",
        "%c3%28",
        "%ED%A0%80",
        "%F5",
        "%E2%82",
        "%80%80",
        "%F0%9F%98",
        "%C3é",
        "%%34",
        "%EF%BB%BF1",
      ];
      return raw(anyName, random.pick(unreadable));
    }
    case 10: {
      // White space around is trimmed of dates, numbers and texts, not of choices.
      const [name, value] = random.pick(parameters);
      const space = random.pick(["%20", "+", "%09", "%0A", "%C2%A0", "%E3%80%80", "%1c"]);
      return raw(name, random.chance(0.5) ? space + value : value + space);
    }
    default: {
      // Names that are not quite a parameter's, and one that is, once decoded.
      const names = [
        "repo_id!",
        "team_id__gt",
        "limit",
        "fields",
        "Repo_id",
        "repo_id+",
        "repo%5Fid",
        "%72epo_id",
        "repo_name__icontains",
      ];
      return raw(random.pick(names), String(random.int(0, 4)));
    }
  }
}

// ---- Command line ---------------------------------------------------------------------------------------------------

/** A whole round, the same for the same seed. @param {number} seed @param {number} count of queries */
export function randomRound(seed, count) {
  const random = new Random(seed);
  const today = random.pick(TODAYS);
  const rows = randomRows(random, today);
  const queries = Array.from({ length: count }, () => randomQuery(random, today));
  return { today, rows, queries, random };
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const option = /** @type {const} */ ({ type: "string" });
  const { values } = parseArgs({ options: { seed: option, out: option, queries: option } });
  const { seed = "1", out, queries: count = "50" } = values;
  if (out === undefined) throw new Error("--out DIR is missing");
  const { today, rows, queries, random } = randomRound(Number(seed), Number(count));
  writeDump(join(out, "dump"), rows, random);
  const dump = loadDump(join(out, "dump"));
  writeCases(join(out, "period_metrics.json"), queries, today, dump);
}
