/** The original functions of the package, which remain available. */
import type { BadRow, Errors } from "./results.ts";
import type { Day, ResourceName } from "./rows.ts";
import { Table, type MetricsResult, type Organization } from "./table.ts";
import { validateMetrics } from "./validate.ts";

/** The result of {@link validateMetricsQuery}. */
export type Validation = { ok: true; errors?: never } | { ok: false; errors: Errors };

/** The result of {@link readTable}. */
export type TableResult = { ok: true; table: Table; row?: never } | { ok: false; row: BadRow; table?: never };

/**
 * Validates the query string of a metrics request as the API does (§1).
 *
 * @param today the UTC date that "3 years prior to now" counts from, `YYYY-MM-DD`
 */
export function validateMetricsQuery(query: string, today: Day): Validation {
  const checked = validateMetrics(query, today);
  if (checked.ok) return { ok: true };
  return { ok: false, errors: checked.error.kind === "request" ? (checked.error.errors as Errors) : {} };
}

/** Reads an organization's rows into a table that answers any number of requests. */
export function readTable(organization: Organization | null | undefined, options?: { lists?: boolean }): TableResult {
  const table = new Table(options);
  for (const name of Object.keys(RESOURCES) as ResourceName[]) {
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

/** The resources in the order in which {@link readTable} reads them. */
const RESOURCES: Record<ResourceName, true> = {
  commits: true,
  users: true,
  teams: true,
  team_membership: true,
  repos: true,
  tags: true,
  user_alias: true,
  pull_requests: true,
  pull_request_comments: true,
  pull_request_events: true,
  pull_request_projects: true,
  tickets: true,
  ticket_comments: true,
  ticket_events: true,
  ticket_projects: true,
  integrations: true,
  org_membership: true,
  roles: true,
  grants: true,
  group_settings: true,
  targets: true,
  user_groups: true,
  available_repos: true,
  available_ticket_projects: true,
};

/**
 * Answers one metrics request over an organization's rows (§1). For several requests, call {@link readTable} once: this
 * function reads all rows each time.
 */
export function periodMetrics(query: string, today: Day, organization: Organization | null | undefined): MetricsResult {
  const read = readTable(organization);
  if (!read.ok) return { ok: false, row: read.row };
  const result = read.table.periodMetrics(query, today);
  read.table.free();
  return result;
}
