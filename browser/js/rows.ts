/**
 * The fields of every resource (specification §2). Rows to add may omit optional fields and may have further fields.
 * {@link Shown} has the rows as lists return them.
 */

/** A day, `YYYY-MM-DD`. */
export type Day = string;
/** A date and time without an offset, `YYYY-MM-DDThh:mm:ss`. In UTC, except for local dates. */
export type DateTime = string;
/** Any JSON value: the API does not document the type. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A commit of `core/commits`. `author_local_date` or `author_date` is required (§4). */
export interface Commit {
  id: number;
  hexsha?: string | null;
  /** The author's name in the repository: a row of `user_alias`. */
  user_alias_id?: number | null;
  /** The author: a row of `users`. */
  apex_user_id: number;
  repo_id: number;
  author_date?: DateTime | null;
  /** Seconds east of UTC. */
  author_tzoffset?: number | null;
  /** The author's date in local time. Its day is the coding day (§1). */
  author_local_date?: DateTime | null;
  committer_date?: DateTime | null;
  /** Seconds east of UTC. */
  committer_tzoffset?: number | null;
  committer_local_date?: DateTime | null;
  /** Metrics exclude merges (§1). */
  is_merge?: boolean | null;
  /** True for a commit of a pull request that was never merged. Metrics exclude such commits (§1). */
  is_pr_orphan?: boolean | null;
  is_trivial?: boolean | null;
  /** Metrics exclude commits with a value other than `null` (§1). */
  outlier_reason?: number | null;
  /** Metrics count only the lowest id of the commits with the same hash (§1). */
  ignore_hash?: string | null;
  /** Lines of code added or edited. */
  haloc?: number | null;
  /** New lines, which replace none (§5). */
  new_work?: number | null;
  /** Lines that replace old ones (§5). */
  legacy_refactor?: number | null;
  /** Lines that replace recent lines of other authors (§5). */
  help_others?: number | null;
  /** Lines that replace recent lines of the same author (§5). */
  churn?: number | null;
  files?: number | null;
  hunks?: number | null;
  insertions?: number | null;
  deletions?: number | null;
  ins_del_ratio?: number | null;
  levenshtein?: number | null;
  /** Metrics use four decimal places (§1). */
  impact?: number | null;
  risk?: number | null;
  message?: string | null;
  extracted_tags?: Json;
  external_commit_url?: string | null;
}

/** A user of `core/users`: a person, with one id for all aliases. */
export interface User {
  id: number;
  name?: string | null;
  email?: string | null;
  /** Metrics exclude the commits of hidden users (§1). */
  hidden_from_reports?: boolean | null;
  org_id?: number | null;
  created_at?: DateTime | null;
  has_login?: boolean | null;
  pending_invitation?: boolean | null;
  alias_count?: number | null;
  last_activity_at?: DateTime | null;
  first_activity_at?: DateTime | null;
  avatar_url?: string | null;
  avatar_exists?: boolean | null;
  invitation_id?: Json;
  login_enabled?: boolean | null;
  is_saml?: boolean | null;
  is_group_member?: boolean | null;
  hidden?: boolean | null;
  hidden_by?: Json;
  hidden_at?: DateTime | null;
  login?: Json;
}

/** A team of `core/teams`. */
export interface Team {
  id: number;
  name?: string | null;
  description?: string | null;
  org?: number | null;
  avatar?: Json;
  vendor?: Json;
  created_at?: DateTime | null;
  /** The parent team. */
  parent?: number | null;
  /** The ids from the root to this team, separated by dots. */
  path?: string | null;
  ancestors?: Json;
  visibility?: string | null;
  team_level?: number | null;
  inherited_depth?: string | null;
  nested_teams?: number | null;
  all_users?: number | null;
  unnested_users?: number | null;
  depth?: string | null;
}

/** A user's membership in a team, of `core/team_membership`. */
export interface TeamMembership {
  id: number;
  /** Metrics count only `contributor` (§1). */
  membership_type?: string | null;
  apex_user_id?: number | null;
  team_id?: number | null;
  depth?: string | null;
}

/** A repository of `core/repos`. */
export interface Repo {
  id: number;
  name?: string | null;
  url?: string | null;
  vendor_type?: string | null;
  is_private?: boolean | null;
  /** Metrics exclude the commits of blocked repositories (§1). */
  blocked?: boolean | null;
  created_at?: DateTime | null;
  updated_at?: DateTime | null;
  youngest_commit_date?: DateTime | null;
  /** `null` until the repository has been processed. */
  oldest_commit_date?: DateTime | null;
  /** Tags: ids, or objects with ids as the API returns them. */
  tags?: (number | { id: number })[] | null;
}

/** A tag of repositories, of `core/tags`. */
export interface Tag {
  id: number;
  name?: string | null;
  org_id?: number | null;
}

/** A name of a user in repositories, of `core/user_alias`. */
export interface UserAlias {
  id: number;
  name?: string | null;
  username?: string | null;
  email?: string | null;
  apex_user_id?: number | null;
  created_at?: DateTime | null;
  first_activity_at?: DateTime | null;
  last_activity_at?: DateTime | null;
}

/** A row of any other resource. Lists return it as it was added. */
export interface GenericRow {
  id: number;
  [name: string]: Json;
}

/** The rows to add, by resource. */
export interface Resources {
  commits: Commit;
  users: User;
  teams: Team;
  team_membership: TeamMembership;
  repos: Repo;
  tags: Tag;
  user_alias: UserAlias;
  pull_requests: GenericRow;
  pull_request_comments: GenericRow;
  pull_request_events: GenericRow;
  pull_request_projects: GenericRow;
  tickets: GenericRow;
  ticket_comments: GenericRow;
  ticket_events: GenericRow;
  ticket_projects: GenericRow;
  integrations: GenericRow;
  org_membership: GenericRow;
  roles: GenericRow;
  grants: GenericRow;
  group_settings: GenericRow;
  targets: GenericRow;
  user_groups: GenericRow;
  available_repos: GenericRow;
  available_ticket_projects: GenericRow;
}

/** The name of a resource. */
export type ResourceName = keyof Resources;

/** A team inside another row, without ancestors and level (§2). */
export type NestedTeam = Omit<Required<Team>, "ancestors" | "team_level">;

/** The rows that lists return, by resource: with every field, and with objects in place of some ids. */
export interface Shown {
  commits: Required<Commit>;
  users: Required<User> & { teams: NestedTeam[] };
  teams: Required<Team>;
  team_membership: Required<TeamMembership> & {
    apex_user: Pick<Required<User>, "id" | "name" | "email"> | null;
    team: NestedTeam | null;
  };
  repos: Omit<Required<Repo>, "tags"> & { tags: Required<Tag>[] };
  tags: Required<Tag>;
  user_alias: Required<UserAlias>;
  pull_requests: GenericRow;
  pull_request_comments: GenericRow;
  pull_request_events: GenericRow;
  pull_request_projects: GenericRow;
  tickets: GenericRow;
  ticket_comments: GenericRow;
  ticket_events: GenericRow;
  ticket_projects: GenericRow;
  integrations: GenericRow;
  org_membership: GenericRow;
  roles: GenericRow;
  grants: GenericRow;
  group_settings: GenericRow;
  targets: GenericRow;
  user_groups: GenericRow;
  available_repos: GenericRow;
  available_ticket_projects: GenericRow;
}

/** The row of a list with these parameters: `fields` and `omit` select its members. */
export type ListRow<Name extends ResourceName, Parameters> = Without<Only<Shown[Name], Parameters>, Parameters>;

type Only<Row, Parameters> = Parameters extends { fields: infer Fields extends Names }
  ? string extends Listed<Fields>
    ? Partial<Row>
    : Pick<Row, Listed<Fields> & keyof Row>
  : Row;

type Without<Row, Parameters> = Parameters extends { omit: infer Omitted extends Names }
  ? string extends Listed<Omitted>
    ? Partial<Row>
    : Omit<Row, Listed<Omitted>>
  : Row;

type Names = string | readonly string[];

/** The names in an array, or in text with commas. */
type Listed<List extends Names> = List extends readonly (infer Name)[]
  ? Name
  : List extends `${infer Name},${infer Others}`
    ? Name | Listed<Others>
    : List;

/** A page of a list (§2). */
export interface Page<Row> {
  /** The number of rows on all pages. */
  count: number;
  /** The address of the next page. `null` on the last page. */
  next: string | null;
  /** The address of the previous page. `null` on the first page. */
  previous: string | null;
  results: Row[];
}

/** A row of `commits.agg` (§2): the group and its aggregates. */
export type AggregateRow = { [column: string]: null | boolean | number | string };

/** The metrics of a week or of the whole period (§1). */
export interface MetricsRow {
  /** The Monday of the week, which may precede the range. Absent with `resolution=period`. */
  period_start_date?: Day;
  /** Coding days per active user and week. */
  active_days: number;
  /** Commits per coding day. */
  commit_count: number;
  /** Impact per active user and week. */
  total_impact: number;
  /** The percentage of lines that are not rework. */
  total_efficiency: number;
}

/** The body of a 200 response (§1): rows, oldest first. Weeks without commits are absent. */
export interface MetricsAnswer {
  count: number;
  results: MetricsRow[];
}

/** The figures of a {@link MetricsAnswer} as typed arrays of equal length, for plotting. */
export interface MetricsColumns {
  /** The Mondays, or the first day of a period, in milliseconds since 1970 (UTC) for `Date`. */
  period_start_date: Float64Array;
  active_days: Float64Array;
  commit_count: Float64Array;
  total_impact: Float64Array;
  total_efficiency: Float64Array;
}
