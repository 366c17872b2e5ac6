/** Parameters, and their conversion to a query string. */
import type { URLSearchParams } from "./platform.ts";
import type { Day, ResourceName } from "./rows.ts";

/** The parameters of the metrics (§1). Filters on the same property intersect. */
export interface MetricsParameters {
  /** The first day, at most 3 years before today. */
  start_date: Day;
  /** The last day. Default: today in UTC. */
  end_date?: Day;
  /** One row per week, or one row for the whole period. */
  resolution: "week" | "period";
  /** Includes the teams nested in the teams of `team_id`. */
  include_nested_teams?: boolean;
  apex_user_id?: number;
  apex_user_id__in?: readonly number[];
  team_id?: number;
  team_id__in?: readonly number[];
  repo_id?: number;
  repo_id__in?: readonly number[];
  /** Repositories to exclude. */
  repo_id_not__in?: readonly number[];
  repo_tag_id?: number;
  repo_tag_id__in?: readonly number[];
  /** Repositories whose name contains this text, ignoring case. */
  repo_name?: string;
}

/** The value of a parameter. The elements of an array are joined with commas. */
export type ParameterValue = string | number | boolean | null | undefined | readonly (string | number)[];

/**
 * The parameters of a list (§2), and filters: `field`, or `field` with a lookup (`haloc__gte`, `id__in`,
 * `message__icontains`). A `!` after the name excludes matching rows.
 */
export interface ListParameters {
  /** At most 1,000. Default: 100. */
  limit?: number;
  offset?: number;
  /** The number of the page, in place of `offset`: for roles, available_repos and available_ticket_projects. */
  page?: number;
  /** In place of `limit`, for the same resources. */
  page_size?: number;
  /** Field names, with a leading `-` for descending order. */
  ordering?: string | readonly string[];
  /** Includes only these fields. */
  fields?: string | readonly string[];
  /** Excludes these fields. */
  omit?: string | readonly string[];
  /** Terms that the resource's search fields must contain, ignoring case. */
  search?: string;
  /** Queries joined by `&`, `|` and `~`: `(a=1) | ~(b=2)`, each percent-encoded once more. */
  filters?: string;
  [filter: string]: ParameterValue;
}

/** A query string with or without a leading `?`, or parameters. */
export type Query<Parameters = ListParameters> = string | URLSearchParams | Parameters;

/**
 * Returns the query string of parameters. Omits parameters that are `undefined` or `null`.
 *
 * @throws if the query is no text and no object, or if a value is none of {@link ParameterValue}
 */
export function queryString(query: Query<MetricsParameters> | Query): string {
  if (typeof query === "string") return query.replace(/^\?/, "");
  if (query instanceof globalThis.URLSearchParams) return query.toString();
  if (typeof query !== "object" || query === null || Array.isArray(query))
    throw new TypeError("The query must be text or an object of parameters.");
  const parameters = new globalThis.URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, ParameterValue][]) {
    if (value == null) continue;
    const isArray = Array.isArray(value);
    // A blank element would match everything (§0).
    if ([value].flat().some((each) => /object|undefined|function/.test(typeof each) || (isArray && each === "")))
      throw new TypeError(`The parameter "${name.slice(0, 60)}" must be text, a number or an array.`);
    // An empty array becomes a comma, which matches nothing.
    parameters.append(name, isArray && value.length === 0 ? "," : String(value));
  }
  return parameters.toString();
}

/** Converts a value to text. Objects that cannot be converted become blank, which no name is. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "";
  }
}

/** The path of the metrics. */
export const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/";
/** Returns the path of a list. */
export const listPath = (resource: ResourceName | "commits.agg"): string => `/v3/customer/core/${textOf(resource)}/`;

/** Returns the path of one object of a list. */
export const objectPath = (resource: ResourceName, id: number): string => `${listPath(resource)}${textOf(id)}/`;

/** Returns today's date in UTC, which the API uses. */
export const utcToday = (): Day => new Date().toISOString().slice(0, 10);
