-- What lists need beside the fields. Each X_folded holds text X as icontains compares it, where that is not SQLite's
-- upper(X); each X_utc holds date-time X as YYYY-MM-DDThh:mm:ss[.f] in UTC, where it is written in another way. Both are
-- NULL where the value itself will do. Of rows that are there already they are NULL until the rows are imported again
-- (`streamgage push` of the same dump): until then icontains and search fold ASCII letters alone in them, and date-times
-- that are written in another way compare as they are written.
ALTER TABLE tags ADD COLUMN name_folded TEXT;

ALTER TABLE repos ADD COLUMN vendor_type_folded TEXT;
ALTER TABLE repos ADD COLUMN created_at_utc TEXT;
ALTER TABLE repos ADD COLUMN updated_at_utc TEXT;
ALTER TABLE repos ADD COLUMN youngest_commit_date_utc TEXT;
ALTER TABLE repos ADD COLUMN oldest_commit_date_utc TEXT;

ALTER TABLE teams ADD COLUMN name_folded TEXT;

ALTER TABLE users ADD COLUMN name_folded TEXT;
ALTER TABLE users ADD COLUMN email_folded TEXT;
ALTER TABLE users ADD COLUMN created_at_utc TEXT;
ALTER TABLE users ADD COLUMN last_activity_at_utc TEXT;
ALTER TABLE users ADD COLUMN first_activity_at_utc TEXT;

ALTER TABLE team_membership ADD COLUMN membership_type_folded TEXT;

ALTER TABLE user_alias ADD COLUMN name_folded TEXT;
ALTER TABLE user_alias ADD COLUMN username_folded TEXT;
ALTER TABLE user_alias ADD COLUMN email_folded TEXT;
ALTER TABLE user_alias ADD COLUMN created_at_utc TEXT;
ALTER TABLE user_alias ADD COLUMN first_activity_at_utc TEXT;
ALTER TABLE user_alias ADD COLUMN last_activity_at_utc TEXT;

ALTER TABLE commits ADD COLUMN hexsha_folded TEXT;
ALTER TABLE commits ADD COLUMN author_date_utc TEXT;
ALTER TABLE commits ADD COLUMN author_local_date_utc TEXT;
ALTER TABLE commits ADD COLUMN committer_date_utc TEXT;
ALTER TABLE commits ADD COLUMN committer_local_date_utc TEXT;
ALTER TABLE commits ADD COLUMN ignore_hash_folded TEXT;
ALTER TABLE commits ADD COLUMN message_folded TEXT;

-- What belongs to a row.
CREATE INDEX team_membership_user ON team_membership (apex_user_id, team_id);
CREATE INDEX user_alias_user ON user_alias (apex_user_id);
-- Lookups that find few rows of many.
CREATE INDEX users_name ON users (name);
CREATE INDEX teams_name ON teams (name);
CREATE INDEX repos_vendor_type ON repos (vendor_type);
CREATE INDEX commits_author_date ON commits (coalesce(author_date_utc, author_date));
CREATE INDEX commits_author_local_date ON commits (coalesce(author_local_date_utc, author_local_date));
CREATE INDEX commits_hexsha ON commits (hexsha);
CREATE INDEX commits_user ON commits (apex_user_id);
CREATE INDEX commits_repo ON commits (repo_id);
CREATE INDEX commits_new_work ON commits (new_work);
