/** Checks of the parameters that a caller passes. */
import { toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { unknownName } from "./options.ts";
import type { URLSearchParams } from "./platform.ts";
import { METRICS, queryString, type MetricsParameters, type Query } from "./queries.ts";
import { done, failed, type Failed, type Outcome } from "./results.ts";

/** The names of each path's parameters, and the functions of the module that they are from. */
let cache: { from: unknown; paths: Map<string, Set<string> | undefined> } | undefined;

/** Returns the names of a path's parameters, unless they are unknown. */
function parameterNames(path: string): Set<string> | undefined {
  const from = bindings();
  if (cache?.from !== from) cache = { from, paths: new Map() };
  const { paths } = cache;
  if (!paths.has(path)) {
    const names = from.parameterNames(path);
    paths.set(path, names === undefined ? undefined : new Set(names.split(" ")));
  }
  return paths.get(path);
}

/**
 * Checks a query. An unknown name in an object is a mistake. In a query string the API ignores it, so the names are
 * returned.
 */
export function checkQuery(path: string, query: Query<MetricsParameters> | Query): Outcome<string[]> {
  if (!isText(query) && (typeof query !== "object" || query === null || Array.isArray(query)))
    return failed("usage", "The query must be text or an object of parameters.");
  let known: Set<string> | undefined;
  try {
    known = query === "" ? undefined : parameterNames(path);
  } catch (error) {
    return toFailure(error);
  }
  if (known === undefined) return done([]);
  const isUnknown = (name: string) =>
    !known.has(name) && !(known.has("aggregate[sum]") && name.startsWith("group_by["));
  const unknown = namesOf(query).filter(isUnknown);
  if (isText(query) || unknown.length === 0) return done(unknown);
  return failed("usage", unknownName("parameter", unknown[0]!, known));
}

const isText = (query: unknown): query is string | URLSearchParams =>
  typeof query === "string" || query instanceof globalThis.URLSearchParams;

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
