/** Checks of the parameters that a caller passes. */
import { toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { unknownName } from "./options.ts";
import { METRICS, queryString, type MetricsParameters, type Query } from "./queries.ts";
import { done, failed, type Failed, type Outcome } from "./results.ts";

/** The names of the parameters of the last path, and the functions of the module that they are from. */
let last: { from: unknown; path: string; names: Set<string> | undefined } | undefined;

/** Returns the names of a path's parameters, unless they are unknown. */
function parameterNames(path: string): Set<string> | undefined {
  const from = bindings();
  if (last?.from !== from || last.path !== path) {
    const names = from.parameterNames(path)?.split(" ");
    last = { from, path, names: names && new Set(names) };
  }
  return last.names;
}

/**
 * Checks a query. An unknown name in an object is a mistake. In a query string the API ignores it, so the names are
 * returned.
 */
export function checkQuery(path: string, query: Query<MetricsParameters> | Query): Outcome<string[]> {
  let names: string[];
  let known: Set<string> | undefined;
  try {
    names = namesOf(query);
    known = query === "" ? undefined : parameterNames(path);
  } catch (error) {
    return toFailure(error);
  }
  if (known === undefined) return done([]);
  const isUnknown = (name: string) =>
    !known.has(name) && !(known.has("aggregate[sum]") && name.startsWith("group_by["));
  const unknown = names.filter(isUnknown);
  const isText = typeof query === "string" || query instanceof globalThis.URLSearchParams;
  if (isText || unknown.length === 0) return done(unknown);
  return failed("usage", unknownName("parameter", unknown[0]!, known));
}

/** Returns the names of the parameters that a query has. */
const namesOf = (query: Query<MetricsParameters> | Query): string[] => [
  ...new Set(new globalThis.URLSearchParams(queryString(query)).keys()),
];

/** Adds the names of ignored parameters to a success. */
export const withIgnored = <Value>(outcome: Outcome<Value>, ignored: string[]): Outcome<Value> =>
  outcome.ok && ignored.length > 0 ? { ...outcome, ignored } : outcome;

const RANGE = ["start_date", "end_date", "resolution"];

/** Checks the parameters of metrics of columns, which have no filters. */
export function checkRange(range: Query<MetricsParameters>): Failed | undefined {
  const checked = checkQuery(METRICS, range);
  if (!checked.ok) return checked;
  const filter = namesOf(range).find((name) => !RANGE.includes(name) && !checked.value.includes(name));
  if (filter === undefined) return undefined;
  return failed("usage", `Columns have no teams, repositories or ids: the parameter "${filter}" requires a Table.`);
}
