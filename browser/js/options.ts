/** Checks of the names in objects that a caller passes. */
import { failed, type Failed } from "./results.ts";

/** Returns a failure if the options are no object or have an unknown name. */
export function checkOptions(options: unknown, names: readonly string[]): Failed | undefined {
  if (typeof options !== "object" || options === null) return failed("usage", "The options must be an object.");
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  return unknown === undefined ? undefined : failed("usage", unknownName("option", unknown, names));
}

/** Returns the message for an unknown name. */
export function unknownName(what: string, name: string, names: Iterable<string>): string {
  const short = name.slice(0, 60);
  const similar = closest(short, names);
  return `There is no ${what} "${short}".${similar ? ` Did you mean "${similar}"?` : ""}`;
}

/** Returns the name that is most similar, if one is. Case and underscores are ignored. */
function closest(name: string, names: Iterable<string>): string | undefined {
  const plain = (text: string) => text.replace(/_/g, "").toLowerCase();
  const wanted = plain(name);
  let best: string | undefined;
  let least = Math.floor(wanted.length / 3) + 2;
  for (const candidate of names) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Returns the number of characters to insert, delete or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    row = next;
  }
  return row[b.length]!;
}
