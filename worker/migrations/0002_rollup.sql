-- What metrics read: the commits that count by their own rules, summed by day, user and repository. A cell is
-- recomputed whenever an import touches it, never incremented. Whether its user is hidden or its repository blocked
-- is looked up when it is read.
CREATE TABLE rollup (
  day INTEGER NOT NULL,
  apex_user_id INTEGER NOT NULL,
  repo_id INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  haloc INTEGER NOT NULL,
  churn INTEGER NOT NULL,
  -- In ten-thousandths.
  impact INTEGER NOT NULL,
  PRIMARY KEY (day, apex_user_id, repo_id)
) STRICT, WITHOUT ROWID;
-- For requests by users or teams. It holds the sums too: so each cell is one row read.
CREATE INDEX rollup_by_user ON rollup (apex_user_id, day, repo_id, commits, haloc, churn, impact);

-- What the statements of an import's transaction hand on to each other, as JSON; empty between imports.
CREATE TABLE scratch (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
