/** Parameters, and how they become a query string. */
import type { Day, ResourceName } from "./rows.ts";

/** The parameters of the metrics (§1). What narrows the same thing intersects. */
export interface MetricsParameters {
  /** The first day, at most 3 years before today. */
  start_date: Day;
  /** The last day; today (UTC) if absent. */
  end_date?: Day;
  /** A row a week, or one for the whole period. */
  resolution: "week" | "period";
  /** Whether `team_id` stands for the teams nested in it too. */
  include_nested_teams?: boolean;
  apex_user_id?: number;
  apex_user_id__in?: readonly number[];
  team_id?: number;
  team_id__in?: readonly number[];
  repo_id?: number;
  repo_id__in?: readonly number[];
  /** Repositories to leave out. */
  repo_id_not__in?: readonly number[];
  repo_tag_id?: number;
  repo_tag_id__in?: readonly number[];
  /** Repositories whose name contains it, in any case. */
  repo_name?: string;
}

/** A value of a parameter; of a list, the parts between commas. */
export type ParameterValue = string | number | boolean | null | undefined | readonly (string | number)[];

/**
 * The parameters of a list (§2): these, and filters: `field`, or `field` with a lookup (`haloc__gte`, `id__in`,
 * `message__icontains`); a `!` behind the name leaves out what matches.
 */
export interface ListParameters {
  /** At most 1,000; 100 if absent. */
  limit?: number;
  offset?: number;
  /** Field names, with `-` before those that go down. */
  ordering?: string | readonly string[];
  /** Only these fields. */
  fields?: string | readonly string[];
  /** All but these. */
  omit?: string | readonly string[];
  /** Terms, each of them contained, in any case, in one of the resource's search fields. */
  search?: string;
  /** Queries joined by `&`, `|` and `~`: `(a=1) | ~(b=2)`, each percent-encoded once more. */
  filters?: string;
  [filter: string]: ParameterValue;
}

/** A query string, with or without its `?`, or what one is made of. */
export type Query<Parameters = ListParameters> = string | URLSearchParams | Parameters;

/** The query string of parameters. A parameter that is `undefined` or `null` is left out. */
export function queryString(query: Query<MetricsParameters> | Query): string {
  if (typeof query === "string") return query.replace(/^\?/, "");
  if (query instanceof URLSearchParams) return query.toString();
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, ParameterValue][])
    // A list joins with commas. One that is empty is a comma: it matches nothing, where a blank would match all (§0).
    if (value != null) parameters.append(name, Array.isArray(value) && value.length === 0 ? "," : String(value));
  return parameters.toString();
}

/** Where the metrics are. */
export const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/";
/** Where the list of a resource is. */
export const listPath = (resource: ResourceName | "commits.agg"): string => `/v3/customer/core/${resource}/`;

/** Today, in UTC: what the API counts from. */
export const utcToday = (): Day => new Date().toISOString().slice(0, 10);
