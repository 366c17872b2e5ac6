-- The resources of the API: a table each, a column for each field of the core's schema (edge/tests/tables.rs holds this
-- file against it), in the schema's order. A field that a row lacks has the schema's default. Booleans are 0 or 1;
-- impact is in ten-thousandths; date-times are text as they came; lists of ids and fields of any kind are JSON text.
-- `extra` is a JSON object of what the schema doesn't know.

CREATE TABLE tags (
  id INTEGER PRIMARY KEY,
  name TEXT,
  org_id INTEGER,
  extra TEXT
) STRICT;

CREATE TABLE repos (
  id INTEGER PRIMARY KEY,
  name TEXT,
  url TEXT,
  vendor_type TEXT,
  is_private INTEGER,
  blocked INTEGER,
  created_at TEXT,
  updated_at TEXT,
  youngest_commit_date TEXT,
  oldest_commit_date TEXT,
  tags TEXT,
  extra TEXT,
  -- The name upper-cased character by character, as icontains compares: SQLite itself folds ASCII alone.
  name_folded TEXT
) STRICT;
CREATE INDEX repos_blocked ON repos (id) WHERE blocked = 1;

CREATE TABLE teams (
  id INTEGER PRIMARY KEY,
  name TEXT,
  description TEXT,
  org INTEGER,
  avatar TEXT,
  vendor TEXT,
  created_at TEXT,
  parent INTEGER,
  path TEXT,
  ancestors TEXT,
  visibility TEXT,
  team_level INTEGER,
  inherited_depth TEXT,
  nested_teams INTEGER,
  all_users INTEGER,
  unnested_users INTEGER,
  depth TEXT,
  extra TEXT
) STRICT;
CREATE INDEX teams_parent ON teams (parent);

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT,
  email TEXT,
  hidden_from_reports INTEGER,
  org_id INTEGER,
  created_at TEXT,
  has_login INTEGER,
  pending_invitation INTEGER,
  alias_count INTEGER,
  last_activity_at TEXT,
  first_activity_at TEXT,
  avatar_url TEXT,
  avatar_exists INTEGER,
  invitation_id TEXT,
  login_enabled INTEGER,
  is_saml INTEGER,
  is_group_member INTEGER,
  hidden INTEGER,
  hidden_by TEXT,
  hidden_at TEXT,
  login TEXT,
  extra TEXT
) STRICT;
CREATE INDEX users_hidden_from_reports ON users (id) WHERE hidden_from_reports = 1;

CREATE TABLE team_membership (
  id INTEGER PRIMARY KEY,
  membership_type TEXT,
  apex_user_id INTEGER,
  team_id INTEGER,
  depth TEXT,
  extra TEXT
) STRICT;
CREATE INDEX team_membership_team ON team_membership (team_id, membership_type, apex_user_id);

CREATE TABLE user_alias (
  id INTEGER PRIMARY KEY,
  name TEXT,
  username TEXT,
  email TEXT,
  apex_user_id INTEGER,
  created_at TEXT,
  first_activity_at TEXT,
  last_activity_at TEXT,
  extra TEXT
) STRICT;

CREATE TABLE commits (
  id INTEGER PRIMARY KEY,
  hexsha TEXT,
  user_alias_id INTEGER,
  apex_user_id INTEGER NOT NULL,
  repo_id INTEGER NOT NULL,
  author_date TEXT,
  author_tzoffset INTEGER,
  author_local_date TEXT,
  committer_date TEXT,
  committer_tzoffset INTEGER,
  committer_local_date TEXT,
  is_merge INTEGER,
  is_pr_orphan INTEGER,
  is_trivial INTEGER,
  outlier_reason INTEGER,
  ignore_hash TEXT,
  haloc INTEGER,
  new_work INTEGER,
  legacy_refactor INTEGER,
  help_others INTEGER,
  churn INTEGER,
  files INTEGER,
  hunks INTEGER,
  insertions INTEGER,
  deletions INTEGER,
  ins_del_ratio REAL,
  levenshtein REAL,
  impact INTEGER,
  risk REAL,
  message TEXT,
  extracted_tags TEXT,
  external_commit_url TEXT,
  extra TEXT,
  -- The author's local day, in days since 1970-01-01.
  day INTEGER NOT NULL
) STRICT;
-- What a cell of the rollup is made of.
CREATE INDEX commits_cell ON commits (day, apex_user_id, repo_id);
-- The lowest id of a group stands for all of it; the id is an index's last column by itself.
CREATE INDEX commits_ignore_hash ON commits (ignore_hash) WHERE ignore_hash IS NOT NULL;
