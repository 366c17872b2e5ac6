//! The TypeScript types that no function's signature makes.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A day, `YYYY-MM-DD`. */
export type Day = string;
/** A date and a time without an offset, `YYYY-MM-DDThh:mm:ss`: UTC, but for the fields called local. */
export type DateTime = string;

/** What is wrong with a request: each bad parameter, in documented order, with its messages. The API's own 400 body. */
export type Errors = Record<string, string[]>;

/** Whether a query string is a valid request. */
export type Validation = { ok: true } | { ok: false; errors: Errors };

/** A week, or the whole period. */
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

/** The body of a 200: rows, oldest first; weeks without a commit are left out. */
export interface MetricsAnswer {
  count: number;
  results: MetricsRow[];
}

/** A row that can't be used: the first one that was found. */
export interface BadRow {
  /** The name of its array in the organization. */
  resource: string;
  /** Its place in that array; `null` where that is no array. */
  index: number | null;
  /** The field it is about; `null` where the whole row is no object. */
  field: string | null;
  /** What is wrong. */
  error: string;
}

/** An answer, or why there is none: a bad request, or a bad row. */
export type MetricsResult =
  | { ok: true; answer: MetricsAnswer }
  | { ok: false; errors: Errors; row?: never }
  | { ok: false; row: BadRow; errors?: never };

/** A table, or why there is none. */
export type TableResult = { ok: true; table: Table } | { ok: false; row: BadRow };

/** A commit, as `core/commits` gives it. More fields do no harm. */
export interface Commit {
  id: number;
  /** The author. */
  apex_user_id: number;
  repo_id: number;
  /** The author's date in the author's own time; or else `author_date` with `author_tzoffset`. */
  author_local_date?: DateTime | null;
  author_date?: DateTime | null;
  /** Seconds east of UTC. */
  author_tzoffset?: number | null;
  is_merge?: boolean | null;
  is_pr_orphan?: boolean | null;
  /** Anything but `null` leaves the commit out. */
  outlier_reason?: number | null;
  /** Of the commits that share one, only that of the lowest id counts. */
  ignore_hash?: string | null;
  /** Lines of code, added or edited. */
  haloc?: number | null;
  /** How many of these rework the author's own young ones. */
  churn?: number | null;
  impact?: number | null;
}

/** A user, as `core/users` gives it. */
export interface User {
  id: number;
  hidden_from_reports?: boolean | null;
}

/** A team, as `core/teams` gives it. */
export interface Team {
  id: number;
  /** The team that it is nested in. */
  parent?: number | null;
}

/** A user's place in a team, as `core/team_membership` gives it. */
export interface TeamMembership {
  id: number;
  apex_user_id?: number | null;
  team_id?: number | null;
  /** Only `contributor` counts. */
  membership_type?: string | null;
}

/** A repository, as `core/repos` gives it, with the ids of its tags. */
export interface Repo {
  id: number;
  name?: string | null;
  blocked?: boolean | null;
  tags?: number[] | null;
}

/** The rows that metrics are made of. Commits may be of users and repositories that are not among them. */
export interface Organization {
  commits: Commit[];
  users?: User[];
  teams?: Team[];
  team_membership?: TeamMembership[];
  repos?: Repo[];
}
"#;
