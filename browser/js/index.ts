/** What every entry gives, whatever way it starts the wasm. */
import { validate } from "./wasm.js";
import { listPath, METRICS, queryString, utcToday, type MetricsParameters, type Query } from "./queries.ts";
import { done, type BadRow, type Errors, type Outcome } from "./results.ts";
import type { Day, ResourceName } from "./rows.ts";
import { refusal, Table, type MetricsResult, type Organization } from "./table.ts";

export { createClient } from "./client.ts";
export type { Client, ClientOptions, Fetching, Loading, Progress } from "./client.ts";
export { metricsColumnsOf, metricsOf } from "./columns.ts";
export type { CommitColumns, NumberColumn, Range } from "./columns.ts";
export { queryString } from "./queries.ts";
export type { ListParameters, MetricsParameters, ParameterValue, Query } from "./queries.ts";
export type { BadRow, Errors, Failure, ListErrors, Outcome } from "./results.ts";
export type * from "./rows.ts";
export type { Init, Source } from "./instance.ts";
export { initSync } from "./instance.ts";
export { Table } from "./table.ts";
export type { Added, Asked, LoadOptions, MetricsResult, Organization, Rows, Stream } from "./table.ts";

/** Whether a query string is a valid request. */
export type Validation = { ok: true; errors?: never } | { ok: false; errors: Errors };

/** A table, or why there is none. */
export type TableResult = { ok: true; table: Table; row?: never } | { ok: false; row: BadRow; table?: never };

/** Checks the parameters of the metrics as the API does (§1). */
export function validateMetrics(query: Query<MetricsParameters>, today: Day = utcToday()): Outcome<void> {
  return check(METRICS, queryString(query), today);
}

/** Checks the parameters of a list as the API does (§2). */
export function validateList(resource: ResourceName | "commits.agg", query: Query): Outcome<void> {
  return check(listPath(resource), queryString(query), "");
}

function check(path: string, query: string, today: Day): Outcome<void> {
  const answer = validate(path, query, `${today}`);
  return refusal({ status: Number(answer.slice(0, 3)), body: answer.slice(3) }) ?? done(undefined);
}

/**
 * Checks the query string of a metrics request as the API does (§1).
 *
 * @param today the UTC date that "3 years prior to now" counts from, `YYYY-MM-DD`
 */
export function validateMetricsQuery(query: string, today: Day): Validation {
  const checked = validateMetrics(query, today);
  if (checked.ok) return { ok: true };
  return { ok: false, errors: checked.error.kind === "request" ? (checked.error.errors as Errors) : {} };
}

/** Reads an organization's rows into a table that can be asked again and again. */
export function readTable(organization: Organization | null | undefined, options?: { lists?: boolean }): TableResult {
  const table = new Table(options);
  for (const name of Object.keys(resources) as ResourceName[]) {
    const rows = organization?.[name];
    if (rows == null) continue;
    const added = table.add(name, rows as never);
    if (added.ok) continue;
    table.free();
    const row = added.error.kind === "row" ? added.error.row : { index: null, field: null, error: added.error.message };
    return { ok: false, row: { ...row, resource: name } };
  }
  return { ok: true, table };
}

/** In the order in which {@link readTable} reads them. */
const resources: Record<ResourceName, true> = {
  commits: true,
  users: true,
  teams: true,
  team_membership: true,
  repos: true,
  tags: true,
  user_alias: true,
};

/**
 * Answers a metrics request over an organization's rows (§1).
 *
 * Reads all rows each time: to ask more than once, {@link readTable} once.
 */
export function periodMetrics(query: string, today: Day, organization: Organization | null | undefined): MetricsResult {
  const read = readTable(organization);
  if (!read.ok) return { ok: false, row: read.row };
  const result = read.table.periodMetrics(query, today);
  read.table.free();
  return result;
}
