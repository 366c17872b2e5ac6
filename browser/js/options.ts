/** Checks of objects that a caller passes as options. */
import { failed, type Failed } from "./results.ts";

/** The longest time that timers of the platform support, in milliseconds. */
export const MAX_DELAY = 2 ** 31 - 1;

/** Returns a failure if the options are no object, have another name than these, or an invalid signal. */
export function checkOptions(options: unknown, names?: readonly string[]): Failed | undefined {
  if (typeof options !== "object" || options === null) return failed("usage", "The options must be an object.");
  const unknown = names && Object.keys(options).find((name) => !names.includes(name));
  if (names && unknown !== undefined) return failed("usage", unknownName("option", unknown, names));
  const { signal } = options as { signal?: { addEventListener?: unknown } | null };
  const isSignal = signal == null || typeof signal.addEventListener === "function";
  return isSignal ? undefined : invalidOption("signal", "an AbortSignal");
}

/** Throws a `TypeError` if {@link checkOptions} returns a failure. */
export function requireOptions(options: unknown, names: readonly string[]): void {
  const mistake = checkOptions(options, names);
  if (mistake) throw new TypeError(mistake.error.message);
}

/** Throws a `TypeError` if an option has an invalid value. */
export function requireOption(isValid: boolean, name: string, expected: string): void {
  if (!isValid) throw new TypeError(invalidOption(name, expected).error.message);
}

/** Throws a `TypeError` if the platform's timers do not support a timeout. */
export const requireTimeout = (timeout: number): void =>
  requireOption(
    Number.isInteger(timeout) && timeout > 0 && timeout <= MAX_DELAY,
    "timeout",
    `a whole number from 1 to ${MAX_DELAY}`,
  );

/** Returns the failure of an option with an invalid value. */
export const invalidOption = (name: string, expected: string): Failed =>
  failed("usage", `The option "${name}" must be ${expected}.`);

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
