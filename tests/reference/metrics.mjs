// The reference: a second implementation of the metrics endpoint, written from the specification only, simple and slow.
// All numbers are integers (BigInt) until the single rounding at the end.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** @typedef {Record<string, any>} Row a row of a dump; numbers are strings with the prefix "#" */
/** @typedef {Map<bigint, Row>} Table rows by id */
/** @typedef {{ commits: Table, users: Table, teams: Table, team_membership: Table, repos: Table }} Dump */

/** @param {string} value @returns {never} */
function fail(value) {
  throw new Error(`invalid input: ${value}`);
}

// ---- Dumps ----------------------------------------------------------------------------------------------------------

/**
 * Parses a row. JSON.parse would round numbers to doubles, so they become strings such as "#5.67".
 * @param {string} line @returns {Row}
 */
function parseRow(line) {
  JSON.parse(line);
  return JSON.parse(
    line.replace(/"(?:\\.|[^"\\])*"|-?\d[\d.eE+-]*/g, (token) => (token[0] === '"' ? token : `"#${token}"`)),
  );
}

/** @param {string | null | undefined} number from parseRow @returns {bigint} */
const integer = (number) => (number == null ? 0n : BigInt(number.slice(1).replace(/\.0+$/, "")));

/** @param {string} dir @param {string} resource @returns {Table} */
function loadTable(dir, resource) {
  const path = join(dir, `${resource}.ndjson`);
  let text = "";
  if (existsSync(path)) text = readFileSync(path, "utf8");
  else if (existsSync(`${path}.gz`)) text = gunzipSync(readFileSync(`${path}.gz`)).toString("utf8");
  const table = new Map();
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const row = parseRow(line);
    const required = row._deleted === true || resource !== "commits" ? ["id"] : ["id", "apex_user_id", "repo_id"];
    for (const field of required) if (row[field] == null) fail(`${resource} without ${field}`);
    if (row._deleted === true) table.delete(integer(row.id));
    else table.set(integer(row.id), row);
  }
  return table;
}

/** @param {string} dir @returns {Dump} */
export function loadDump(dir) {
  return {
    commits: loadTable(dir, "commits"),
    users: loadTable(dir, "users"),
    teams: loadTable(dir, "teams"),
    team_membership: loadTable(dir, "team_membership"),
    repos: loadTable(dir, "repos"),
  };
}

// ---- Numbers --------------------------------------------------------------------------------------------------------

/** The white space of Python's str.strip. */
const SPACE = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const strip = (/** @type {string} */ text) => text.replace(new RegExp(`^${SPACE}+|${SPACE}+$`, "g"), "");

const codePoint = (/** @type {string} */ character) => character.codePointAt(0) ?? 0;

/** Returns the value of a decimal digit of any script. Unicode has them in runs of ten. @param {string} digit */
function digitValue(digit) {
  let below = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(codePoint(digit) - below - 1))) below += 1;
  return String(below % 10);
}

/**
 * Parses a finite number like Python's Decimal, as coefficient · 10^exponent.
 * @param {string} text @returns {{ coefficient: bigint, exponent: bigint } | null}
 */
function decimal(text) {
  const plain = strip(text)
    .replaceAll("_", "")
    .replace(/\p{Nd}/gu, digitValue);
  const match = /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(plain);
  if (match === null) return null;
  const [, sign = "", before = "", after = "", power = "0"] = match;
  const coefficient = BigInt(before + after);
  const exponent = BigInt(power) - BigInt(after.length);
  // The limits of Decimal on 64-bit platforms.
  const adjusted = exponent + BigInt(String(coefficient).length) - 1n;
  if (adjusted > 999999999999999999n || exponent < -1999999999999999997n) return null;
  return { coefficient: sign === "-" ? -coefficient : coefficient, exponent };
}

/** Divides and rounds to an integer, ties to the even one. @returns {bigint} */
function roundHalfEven(/** @type {bigint} */ numerator, /** @type {bigint} */ denominator) {
  if (denominator < 0n) return roundHalfEven(-numerator, -denominator);
  let floor = numerator / denominator;
  if (floor * denominator > numerator) floor -= 1n;
  const twice = 2n * (numerator - floor * denominator);
  return twice > denominator || (twice === denominator && floor % 2n !== 0n) ? floor + 1n : floor;
}

/** Divides and formats with one decimal. */
function tenths(/** @type {bigint} */ numerator, /** @type {bigint} */ denominator) {
  const rounded = roundHalfEven(10n * numerator, denominator);
  const size = rounded < 0n ? -rounded : rounded;
  return `${rounded < 0n ? "-" : ""}${size / 10n}.${size % 10n}`;
}

/**
 * Parses an id, truncated toward zero. Returns null for numbers that no row can have, and undefined for other text.
 * @param {string} text @returns {bigint | null | undefined}
 */
function parseId(text) {
  const number = decimal(text);
  if (number === null) return undefined;
  const { coefficient, exponent } = number;
  if (coefficient === 0n || exponent + BigInt(String(coefficient).length) < 0n) return 0n;
  if (exponent > 100n) return null;
  return exponent < 0n ? coefficient / 10n ** -exponent : coefficient * 10n ** exponent;
}

/** Parses an impact, in ten-thousandths. @param {string | null | undefined} number */
function parseImpact(number) {
  const { coefficient, exponent } = decimal(number?.slice(1) ?? "0") ?? fail(`impact ${number}`);
  const shift = exponent + 4n;
  return shift < 0n ? roundHalfEven(coefficient, 10n ** -shift) : coefficient * 10n ** shift;
}

// ---- Days, as integers since 1970-01-01 ------------------------------------------------------------------------

const DAY_MS = 86_400_000;
const dayText = (/** @type {number} */ day) => new Date(day * DAY_MS).toISOString().slice(0, 10);
const mondayOf = (/** @type {number} */ day) => day - ((((day + 3) % 7) + 7) % 7);

/** @param {string} text @returns {number | null} */
function parseDay(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith("0000")) return null;
  const day = Date.parse(`${text}T00:00:00Z`) / DAY_MS;
  return Number.isNaN(day) || dayText(day) !== text ? null : day;
}

/** Returns the same day three years earlier; 28 February for 29 February. @param {string} today */
function threeYearsBefore(today) {
  const day = `${Number(today.slice(0, 4)) - 3}${today.slice(4)}`;
  return parseDay(day) ?? parseDay(day.replace("02-29", "02-28")) ?? fail(`today ${today}`);
}

/** Returns the local day of the author. @param {Row} commit @returns {number} */
function localDay(commit) {
  /** @type {string} */
  const date = commit.author_local_date ?? commit.author_date ?? fail("a commit without an author date");
  const day = parseDay(date.slice(0, 10)) ?? fail(`date ${date}`);
  // A date is local, unless the offset of the author is given separately.
  if (commit.author_local_date != null || commit.author_tzoffset == null) return day;
  const [hours = 0, minutes = 0, seconds = 0] = date.slice(11, 19).split(":").map(Number);
  const [, sign, offsetHours, offsetMinutes] = /([+-])(\d\d):?(\d\d)$/.exec(date.slice(11)) ?? [];
  const written = (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * (sign === "-" ? -60 : 60);
  const second = hours * 3600 + minutes * 60 + seconds - written + Number(integer(commit.author_tzoffset));
  return day + Math.floor(second / 86_400);
}

// ---- Query strings --------------------------------------------------------------------------------------------------

/** @param {string} text */
function unquote(text) {
  const source = new TextEncoder().encode(text.replaceAll("+", " "));
  const bytes = [];
  for (let at = 0; at < source.length;) {
    const [byte = 0, ...hex] = source.slice(at, at + 3);
    const escaped = byte === 0x25 && /^[0-9a-fA-F]{2}$/.test(String.fromCharCode(...hex));
    bytes.push(escaped ? parseInt(String.fromCharCode(...hex), 16) : byte);
    at += escaped ? 3 : 1;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/** Returns the parameters that are not blank. @param {string} query @returns {Map<string, string>} */
function parseQuery(query) {
  const values = new Map();
  for (const part of query.split("&")) {
    const [name = "", ...rest] = part.split("=");
    values.set(unquote(name), unquote(rest.join("=")));
  }
  return new Map([...values].filter(([, value]) => value !== ""));
}

/** Formats a string like Python's repr. @param {string} text */
function repr(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  /** @type {Record<string, string>} */
  const escapes = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", [quote]: `\\${quote}` };
  const characters = Array.from(text, (character) => {
    const escape = escapes[character];
    if (escape !== undefined) return escape;
    if (character === " " || !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u.test(character)) return character;
    const hex = codePoint(character).toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return quote + characters.join("") + quote;
}

const BAD_DATE = "Provide a valid date. Date cannot be more than 3 years prior to now.";
const BAD_ORDER = "Provide a valid date. end_date cannot be before start_date.";
const REQUIRED = "This field is required.";

/**
 * Parses all parameters in the documented order, into values and error messages.
 * @param {string} query @param {string} today
 */
function readParameters(query, today) {
  const given = parseQuery(query);
  /** @type {Record<string, any>} */
  const values = {};
  /** @type {Record<string, string[]>} */
  const errors = {};
  /** @param {string} name @param {(text: string) => any} parse returns a value or an Error @param {string} [missing] */
  const parameter = (name, parse, missing) => {
    const text = given.get(name);
    const value = text === undefined ? missing && new Error(missing) : parse(text);
    if (value instanceof Error) errors[name] = [value.message];
    else values[name] = value;
  };
  const choice = (/** @type {string[]} */ choices) => (/** @type {string} */ text) => {
    if (choices.includes(text)) return text;
    const available = choices.map(repr).join(", ");
    return new Error(`Provide a valid choice. ${repr(text)} is not one of the available choices: [${available}]`);
  };
  const id = (/** @type {string} */ text) => {
    const value = parseId(text);
    return value === undefined ? new Error("Enter a number.") : new Set([value]);
  };
  const ids = (/** @type {string} */ text) => {
    const parsed = text
      .split(",")
      .filter((part) => part !== "")
      .map(parseId);
    return parsed.includes(undefined) ? new Error("Enter a number.") : new Set(parsed);
  };
  const text = (/** @type {string} */ text) =>
    text.includes("\0") ? new Error("Null characters are not allowed.") : strip(text) || undefined;

  parameter(
    "start_date",
    (text) => {
      const day = parseDay(strip(text));
      return day === null || day < threeYearsBefore(today) ? new Error(BAD_DATE) : day;
    },
    REQUIRED,
  );
  // Where it is already tomorrow in UTC, a range may begin tomorrow; it has one day.
  const tomorrow = (parseDay(today) ?? fail(`today ${today}`)) + 1;
  if (!given.has("end_date")) given.set("end_date", values.start_date === tomorrow ? dayText(tomorrow) : today);
  parameter("end_date", (text) => {
    const day = parseDay(strip(text));
    if (day === null) return new Error(BAD_DATE);
    return day < values.start_date ? new Error(BAD_ORDER) : day;
  });
  parameter("include_nested_teams", choice(["true", "false"]));
  parameter("resolution", choice(["period", "week"]), REQUIRED);
  parameter("apex_user_id", id);
  parameter("apex_user_id__in", ids);
  parameter("team_id", id);
  parameter("team_id__in", ids);
  parameter("repo_id", id);
  parameter("repo_id__in", ids);
  parameter("repo_id_not__in", ids);
  parameter("repo_tag_id", id);
  parameter("repo_tag_id__in", ids);
  parameter("repo_name", text);
  return { values, errors };
}

// ---- Metrics --------------------------------------------------------------------------------------------------------

/** Returns the contributors of any of the teams. @param {Dump} dump @param {Set<bigint | null>} ids @param {boolean} nested */
function usersOfTeams(dump, ids, nested) {
  const teams = new Set(ids);
  for (let before = -1; nested && before !== teams.size;) {
    before = teams.size;
    for (const [id, team] of dump.teams) if (team.parent != null && teams.has(integer(team.parent))) teams.add(id);
  }
  const members = [...dump.team_membership.values()].filter(
    (row) => row.membership_type === "contributor" && row.team_id != null && teams.has(integer(row.team_id)),
  );
  return new Set(members.filter((row) => row.apex_user_id != null).map((row) => integer(row.apex_user_id)));
}

/** Returns the commits that are not excluded from all metrics. @param {Dump} dump @returns {Row[]} */
function includedCommits(dump) {
  const lowest = new Map();
  for (const [id, { ignore_hash: hash }] of dump.commits) {
    if (hash != null && (!lowest.has(hash) || id < lowest.get(hash))) lowest.set(hash, id);
  }
  return [...dump.commits]
    .filter(
      ([id, commit]) =>
        !commit.is_merge &&
        !commit.is_pr_orphan &&
        commit.outlier_reason == null &&
        (commit.ignore_hash == null || lowest.get(commit.ignore_hash) === id) &&
        !dump.repos.get(integer(commit.repo_id))?.blocked &&
        !dump.users.get(integer(commit.apex_user_id))?.hidden_from_reports,
    )
    .map(([, commit]) => commit);
}

/** Returns the commits that match the parameters. @param {Dump} dump @param {Record<string, any>} values */
function selectedCommits(dump, values) {
  const nested = values.include_nested_teams === "true";
  const teams = [values.team_id, values.team_id__in].filter((ids) => ids !== undefined);
  const members = teams.map((ids) => usersOfTeams(dump, ids, nested));
  const name = values.repo_name?.toUpperCase();
  return includedCommits(dump).filter((commit) => {
    const user = integer(commit.apex_user_id);
    const repo = integer(commit.repo_id);
    const day = localDay(commit);
    const row = dump.repos.get(repo);
    /** @type {bigint[]} */
    const tags = (row?.tags ?? []).map(integer);
    return (
      values.start_date <= day &&
      day <= values.end_date &&
      [values.apex_user_id, values.apex_user_id__in, ...members].every((users) => users?.has(user) ?? true) &&
      [values.repo_id, values.repo_id__in].every((repos) => repos?.has(repo) ?? true) &&
      !values.repo_id_not__in?.has(repo) &&
      [values.repo_tag_id, values.repo_tag_id__in].every((ids) => !ids || tags.some((tag) => ids.has(tag))) &&
      (name === undefined || (row?.name ?? "").toUpperCase().includes(name))
    );
  });
}

/** @param {string} query @param {string} today @param {Dump} dump @returns {{ status: number, body: string }} */
export function bodyText(query, today, dump) {
  const { values, errors } = readParameters(query, today);
  if (Object.keys(errors).length > 0) return { status: 400, body: JSON.stringify(errors) };

  const weeks = groupBy(selectedCommits(dump, values), (commit) => mondayOf(localDay(commit)));
  const parts = [...weeks].sort(([a], [b]) => a - b).map(([monday, commits]) => ({ monday, ...sums(commits) }));
  /** @param {ReturnType<typeof sums>} sum @param {bigint} userDays Σ |A(w)|·d(w) @param {bigint} scale min(7, D) */
  const metrics = ({ days, commits, impact, haloc, churn }, userDays, scale) =>
    `"active_days":${tenths(scale * days, userDays)},` +
    `"commit_count":${tenths(commits, days)},` +
    `"total_impact":${tenths(scale * impact, 10_000n * userDays)},` +
    `"total_efficiency":${haloc === 0n ? "100.0" : tenths(100n * (haloc - churn), haloc)}`;

  let rows = parts.map((part) => `{"period_start_date":"${dayText(part.monday)}",${metrics(part, part.users, 1n)}}`);
  if (values.resolution === "period" && parts.length > 0) {
    const total = { users: 0n, days: 0n, commits: 0n, impact: 0n, haloc: 0n, churn: 0n };
    let userDays = 0n;
    let days = 0n;
    for (const part of parts) {
      for (const key of /** @type {(keyof typeof total)[]} */ (Object.keys(total))) total[key] += part[key];
      const inside = BigInt(Math.min(part.monday + 6, values.end_date) - Math.max(part.monday, values.start_date) + 1);
      userDays += part.users * inside;
      days += inside;
    }
    rows = [`{${metrics(total, userDays, days < 7n ? days : 7n)}}`];
  }
  return { status: 200, body: `{"count":${rows.length},"results":[${rows.join(",")}]}` };
}

/** @template T @param {T[]} items @param {(item: T) => number} key @returns {Map<number, T[]>} */
function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    if (!groups.has(key(item))) groups.set(key(item), []);
    groups.get(key(item)).push(item);
  }
  return groups;
}

/** @param {Row[]} commits */
function sums(commits) {
  const total = (/** @type {(commit: Row) => bigint} */ value) =>
    commits.reduce((sum, commit) => sum + value(commit), 0n);
  return {
    users: BigInt(new Set(commits.map((commit) => integer(commit.apex_user_id))).size),
    days: BigInt(new Set(commits.map((commit) => `${integer(commit.apex_user_id)} ${localDay(commit)}`)).size),
    commits: BigInt(commits.length),
    impact: total((commit) => parseImpact(commit.impact)),
    haloc: total((commit) => integer(commit.haloc)),
    churn: total((commit) => integer(commit.churn)),
  };
}

/** @param {string} query @param {string} today @param {Dump} dump @returns {{ status: number, body: any }} */
export function answer(query, today, dump) {
  const { status, body } = bodyText(query, today, dump);
  return { status, body: JSON.parse(body) };
}
