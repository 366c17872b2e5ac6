/**
 * The resources (specification §2), field for field. As rows come in, all but the required fields may be left out, and
 * fields that are not named here do no harm; as lists show them, see {@link Shown}.
 */

/** A day, `YYYY-MM-DD`. */
export type Day = string;
/** A date and a time without an offset, `YYYY-MM-DDThh:mm:ss`: UTC, but for the fields called local. */
export type DateTime = string;
/** Any JSON value: what it is, is not documented. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A commit, as `core/commits` gives it. One of `author_local_date` and `author_date` is required (§4). */
export interface Commit {
  id: number;
  hexsha?: string | null;
  /** The name that the author has in the repository: a row of `user_alias`. */
  user_alias_id?: number | null;
  /** The author: a row of `users`. */
  apex_user_id: number;
  repo_id: number;
  author_date?: DateTime | null;
  /** Seconds east of UTC. */
  author_tzoffset?: number | null;
  /** The author's date in the author's own time. Its day is the coding day (§1). */
  author_local_date?: DateTime | null;
  committer_date?: DateTime | null;
  /** Seconds east of UTC. */
  committer_tzoffset?: number | null;
  committer_local_date?: DateTime | null;
  /** Merges are not counted (§1). */
  is_merge?: boolean | null;
  /** Whether it is of a pull request that was never merged. Such commits are not counted (§1). */
  is_pr_orphan?: boolean | null;
  is_trivial?: boolean | null;
  /** Anything but `null` leaves the commit out of metrics (§1). */
  outlier_reason?: number | null;
  /** Of the commits that share one, only that of the lowest id counts (§1). */
  ignore_hash?: string | null;
  /** Lines of code, added or edited. */
  haloc?: number | null;
  /** Lines that replace nothing (§5). */
  new_work?: number | null;
  /** Lines that replace old ones (§5). */
  legacy_refactor?: number | null;
  /** Lines that replace young ones of somebody else (§5). */
  help_others?: number | null;
  /** Lines that replace the author's own young ones (§5). */
  churn?: number | null;
  files?: number | null;
  hunks?: number | null;
  insertions?: number | null;
  deletions?: number | null;
  ins_del_ratio?: number | null;
  levenshtein?: number | null;
  /** Counted to four decimal places (§1). */
  impact?: number | null;
  risk?: number | null;
  message?: string | null;
  extracted_tags?: Json;
  external_commit_url?: string | null;
}

/** A user: a person, with one id for all aliases. As `core/users` gives it. */
export interface User {
  id: number;
  name?: string | null;
  email?: string | null;
  /** Whether the user's commits are left out of metrics (§1). */
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

/** A team, as `core/teams` gives it. */
export interface Team {
  id: number;
  name?: string | null;
  description?: string | null;
  org?: number | null;
  avatar?: Json;
  vendor?: Json;
  created_at?: DateTime | null;
  /** The team that it is nested in. */
  parent?: number | null;
  /** The ids from the root down to it, with dots between. */
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

/** A user's place in a team, as `core/team_membership` gives it. */
export interface TeamMembership {
  id: number;
  /** Metrics count `contributor` alone (§1). */
  membership_type?: string | null;
  apex_user_id?: number | null;
  team_id?: number | null;
  depth?: string | null;
}

/** A repository, as `core/repos` gives it. */
export interface Repo {
  id: number;
  name?: string | null;
  url?: string | null;
  vendor_type?: string | null;
  is_private?: boolean | null;
  /** Whether its commits are left out of metrics (§1). */
  blocked?: boolean | null;
  created_at?: DateTime | null;
  updated_at?: DateTime | null;
  youngest_commit_date?: DateTime | null;
  /** `null` until it has been processed. */
  oldest_commit_date?: DateTime | null;
  /** Its tags: their ids, or objects that have them, as the API shows it. */
  tags?: (number | { id: number })[] | null;
}

/** A tag of repositories, as `core/tags` gives it. */
export interface Tag {
  id: number;
  name?: string | null;
  org_id?: number | null;
}

/** A name under which a user appears in repositories, as `core/user_alias` gives it. */
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

/** The resources by name, as rows come in. */
export interface Resources {
  commits: Commit;
  users: User;
  teams: Team;
  team_membership: TeamMembership;
  repos: Repo;
  tags: Tag;
  user_alias: UserAlias;
}

/** The name of a resource. */
export type ResourceName = keyof Resources;

/** A team where it is shown in another row: it has neither ancestors nor a level (§2). */
export type NestedTeam = Omit<Required<Team>, "ancestors" | "team_level">;

/** The resources by name, as lists show them: with every field, and with objects where rows have ids. */
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
}

/** A page of a list (§2). */
export interface Page<Row> {
  /** How many rows there are in all. */
  count: number;
  /** Where the next page is; `null` on the last. */
  next: string | null;
  /** Where the previous page is; `null` on the first. */
  previous: string | null;
  results: Row[];
}

/** A row of `commits.agg` (§2): what its commits have in common, and what is told of them. */
export type AggregateRow = { [column: string]: null | boolean | number | string };

/** A week, or the whole period (§1). */
export interface MetricsRow {
  /** The Monday of the week, even where that lies before the range; absent with `resolution=period`. */
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

/** The body of a 200 (§1): rows, oldest first; weeks without a commit are left out. */
export interface MetricsAnswer {
  count: number;
  results: MetricsRow[];
}

/** A {@link MetricsAnswer} for plotting: a typed array a figure, all of one length. */
export interface MetricsColumns {
  /** The Mondays, in milliseconds since 1970 (UTC), as `Date` takes them; of a period its first day. */
  period_start_date: Float64Array;
  active_days: Float64Array;
  commit_count: Float64Array;
  total_impact: Float64Array;
  total_efficiency: Float64Array;
}
