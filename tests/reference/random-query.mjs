// Random metrics requests, many of them invalid.

import { edgeDays, NAMES, shiftDay } from "./random-dump.mjs";

/** @typedef {import("./random.mjs").Random} Random */

// prettier-ignore
const UNUSUAL_NUMBERS = [
  " 1_0 ", "1e2", "1E0", ".5", "5.", "٣", "1٣", "𝟗", "nan", "NaN12", "sNaN", "inf", "-Infinity", "1e999", "-1e999", "1e-999",
  "123456789012345678901234567890", "-123456789012345678901234567890", "1.9999999999999999999999999", "18446744073709551617",
  "9223372036854775808", "4294967297", "0.9", "-0.9", "-0", "+2", "--2", "2-", "1 2", "0x1", "²", "½", "一", "_", "_2_", "1__", "e1", ".",
  "1e", "1e+", "2e+0", "20e-1", "1,5", "true", "None", "\u00a02\u2003", "\u001c2\u0085", "\u200b2", "\ufeff2", "1\u0000", " ", "\t",
  "1e999999999999999999", "1e1000000000000000000", "1e-999999999999999999", "000000000000000000000000000000002", "2.0", "3.", "1e0_0",
];

// prettier-ignore
const UNUSUAL_LISTS = [
  ",", ",,", "1,,2", ",1", "1,", " 1 , 2 ", "1, ,2", "1,x", "1;2", "1.5,2.5", "1e0,2_", "3,3,3", "1,1e999", " ", "٢,١",
];

// prettier-ignore
const UNUSUAL_CHOICES = [
  "yes", "True", "TRUE", "week ", " week", "month", "1", "0", "it's", '"', `'"`, `it's "so"`, "back\\slash", "a\tb\nc\rd", "\u0000", "\u001b[31m",
  "\u007f", "\u0080", "\u009f", "\u00a0", "\u00ad", "é", "日本", "\u200b", "\u2028", "\u2029", "\u2003", "\u3000", "\ufeff", "\ufffd", "\uffff",
  "\ue000", "\u0378", "\u{1f600}", "\u{e0001}", "\u{f0000}", "\u{10ffff}", "\u{1d173}", "\u0301", " ", "week,period", "weeK", "ｗeek", "false\u0000",
];

// prettier-ignore
const UNUSUAL_DATES = [
  "2026-13-01", "2026-02-30", "2025-02-29", "2024-02-29", "2026-1-1", "20260101", "2026-W01-1", "2026/01/01", "01-01-2026", "2026-01-01T00:00:00",
  "2026-01-01Z", "tomorrow", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "+2026-01-01", "-2026-01-01", "٢٠٢٦-٠١-٠١", "2026-00-10",
  "2026-10-00", "2026-01-32", "2026-04-31", "2100-02-29", "2026‑01‑01", " ", "2026-01-0 1", "2026-01-01\u0000", "1e3", "2020-01-01", "2026-01-1", "26-01-01",
];

// prettier-ignore
const UNUSUAL_NAMES = [
  "\u0000", "a\u0000", " ", "\u00a0", "ı", "%", "_", "%41", "+", "ǆ", "\ufffd", "'; --", "null", "é", "E\u0301",
];

const CHOICES = { include_nested_teams: ["true", "false"], resolution: ["week", "period"] };
const IDS = ["apex_user_id", "team_id", "repo_id", "repo_tag_id"];
const LISTS = ["apex_user_id__in", "team_id__in", "repo_id__in", "repo_id_not__in", "repo_tag_id__in"];

/** Percent-encodes a value in one of several equivalent ways. @param {Random} random @param {string} value */
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
      // Unencoded, if the value has no special characters.
      return /^[\p{L}\p{N}_.,:;'/-]*$/u.test(value) ? value : encoded;
    default:
      return encoded;
  }
}

/** @param {Random} random @param {string} today @returns {string} */
export function randomQuery(random, today) {
  /** @type {[string, string][]} */
  const parameters = [];
  const start = shiftDay(random.pick(edgeDays(today)), random.int(-12, 5));
  const end = shiftDay(start, random.pick([0, 1, 6, 7, 13, 29, 365, 1200, random.int(0, 60), random.int(10, 800)]));
  const add = (/** @type {string} */ name, /** @type {string} */ value) =>
    parameters.push([name, encode(random, value)]);

  add("start_date", start);
  add("resolution", random.pick(CHOICES.resolution));
  if (random.chance(0.75)) add("end_date", end);
  if (random.chance(0.4)) add("include_nested_teams", random.pick(CHOICES.include_nested_teams));
  const density = random.pick([0, 0.03, 0.1, 0.3]);
  for (const name of random.some(IDS, density)) add(name, String(random.int(1, 6)));
  for (const name of random.some(LISTS, density)) {
    add(name, Array.from({ length: random.int(1, 6) }, () => random.int(0, 7)).join(","));
  }
  if (random.chance(density)) {
    const name = random.pick(NAMES);
    const at = random.int(0, name.length);
    add("repo_name", random.pick([name, name.toUpperCase(), name.toLowerCase(), ` ${name} `, name.slice(at, at + 2)]));
  }
  if (random.chance(0.5)) for (let left = random.int(1, 3); left > 0; left -= 1) addUnusual(random, add, parameters);
  const query = (random.chance(0.3) ? random.shuffle(parameters) : parameters).map((pair) => pair.join("="));
  if (random.chance(0.05))
    query.splice(random.int(0, query.length), 0, random.pick(["", "=", "=5", "&", "repo_id", "x"]));
  return query.join("&");
}

/**
 * Adds an unusual or invalid parameter.
 * @param {Random} random @param {(name: string, value: string) => void} add @param {[string, string][]} parameters
 */
function addUnusual(random, add, parameters) {
  const addUnencoded = (/** @type {string} */ name, /** @type {string} */ value) => parameters.push([name, value]);
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
      return add(random.pick(IDS), random.pick(UNUSUAL_NUMBERS));
    case 2:
      return add(random.pick(LISTS), random.pick([...UNUSUAL_LISTS, ...UNUSUAL_NUMBERS]));
    case 3:
      return add(random.pick(LISTS), `1,${random.pick(UNUSUAL_NUMBERS)},2`);
    case 4:
    case 5: {
      const choice = random.pick(UNUSUAL_CHOICES);
      return add(
        random.pick(Object.keys(CHOICES)),
        random.chance(0.2) ? choice + random.pick(UNUSUAL_CHOICES) : choice,
      );
    }
    case 6:
      return add(random.pick(["start_date", "end_date"]), random.pick(UNUSUAL_DATES));
    case 7:
      return add("repo_name", random.pick(UNUSUAL_NAMES));
    case 8:
      // Without a value. Of repeated parameters, the last one counts.
      return addUnencoded(anyName, "");
    case 9: {
      const invalidEncodings = [
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
      return addUnencoded(anyName, random.pick(invalidEncodings));
    }
    case 10: {
      // Surrounding white space is ignored in dates, numbers and texts, but not in choices.
      const [name, value] = random.pick(parameters);
      const space = random.pick(["%20", "+", "%09", "%0A", "%C2%A0", "%E3%80%80", "%1c"]);
      return addUnencoded(name, random.chance(0.5) ? space + value : value + space);
    }
    default: {
      // Names that are similar to those of parameters, and one that is a parameter after decoding.
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
      return addUnencoded(random.pick(names), String(random.int(0, 4)));
    }
  }
}
