-- Fewer rows to write for each commit that an import stores.

-- Ranges of new_work are counted by their index instead.
DROP TABLE new_work_count;

-- One index instead of two finds the commits of a user, and those of a cell of the rollup.
DROP INDEX commits_cell;
DROP INDEX commits_user;
CREATE INDEX commits_user ON commits (apex_user_id, day, repo_id);
