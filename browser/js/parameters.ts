/** Checks of the parameters that a caller passes. */
import { bindings } from "./instance.ts";
import { unknownName } from "./options.ts";
import { METRICS, type MetricsParameters, type Query } from "./queries.ts";
import { failed, type Failed, type Outcome } from "./results.ts";

/** The names of each path's parameters, and the functions of the module that they are from. */
let known: { from: unknown; paths: Map<string, Set<string> | undefined> } | undefined;

/** Returns the names of a path's parameters, unless they are unknown. */
function parameterNames(path: string): Set<string> | undefined {
  const from = bindings();
  if (known?.from !== from) known = { from, paths: new Map() };
  const { paths } = known;
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
  const isText = typeof query === "string" || query instanceof globalThis.URLSearchParams;
  if (!isText && (typeof query !== "object" || query === null || Array.isArray(query)))
    return failed("usage", "The query must be text or an object of parameters.");
  const names = query === "" ? undefined : parameterNames(path);
  if (names === undefined) return { ok: true, value: [] };
  const isUnknown = (name: string) =>
    !names.has(name) && !(names.has("aggregate[sum]") && name.startsWith("group_by["));
  if (isText) {
    const sent = new globalThis.URLSearchParams(typeof query === "string" ? query.replace(/^\?/, "") : query);
    return { ok: true, value: [...new Set(sent.keys())].filter(isUnknown) };
  }
  for (const name of Object.keys(query))
    if (isUnknown(name) && (query as Record<string, unknown>)[name] != null)
      return failed("usage", unknownName("parameter", name, names));
  return { ok: true, value: [] };
}

/** Adds the names of ignored parameters to a success. */
export const withIgnored = <Value>(outcome: Outcome<Value>, ignored: string[]): Outcome<Value> =>
  outcome.ok && ignored.length > 0 ? { ...outcome, ignored } : outcome;

const RANGE = ["start_date", "end_date", "resolution"];

/** Checks the parameters of metrics of columns, which have no filters. */
export function checkRange(range: Query<MetricsParameters>): Failed | undefined {
  const checked = checkQuery(METRICS, range);
  if (!checked.ok) return checked;
  const isText = typeof range === "string" || range instanceof globalThis.URLSearchParams;
  const names = isText
    ? [...new globalThis.URLSearchParams(range).keys()].map((name) => name.replace(/^\?/, ""))
    : Object.keys(range).filter((name) => range[name as keyof MetricsParameters] != null);
  const filter = names.find((name) => !RANGE.includes(name) && !checked.value.includes(name));
  if (filter === undefined) return undefined;
  return failed("usage", `Columns have no teams, repositories or ids: the parameter "${filter}" requires a Table.`);
}
