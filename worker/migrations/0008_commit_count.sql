-- What is asked of commits so broadly that to count what is found would be to read most of them: flags, and new_work.

-- Whether a commit of a lower id has the same ignore_hash, which is not null. Imports keep it right.
ALTER TABLE commits ADD COLUMN is_duplicate INTEGER NOT NULL DEFAULT 0;
UPDATE commits SET is_duplicate = 1 WHERE ignore_hash IS NOT NULL
AND EXISTS (SELECT 1 FROM commits AS first WHERE first.ignore_hash = commits.ignore_hash AND first.id < commits.id);

-- Whether author_local_date is from Monday to Friday; NULL without that date. `day` is that of the date as it is written,
-- and day 0 was a Thursday. A day that SQLite does not know is 10000-01-01, a Saturday.
ALTER TABLE commits ADD COLUMN is_weekday INTEGER GENERATED ALWAYS AS (
  CASE WHEN author_local_date IS NULL THEN NULL
  WHEN author_local_date_utc IS NULL THEN (day % 7 + 10) % 7 < 5
  ELSE coalesce(strftime('%w', substr(author_local_date_utc, 1, 10)) NOT IN ('0', '6'), 0) END
) VIRTUAL;

-- How many commits there are that all flags see alike, by repository and user, so that what flags keep is counted without
-- reading commits. What a flag asks for has the name that it has in `commits`, so that the same condition finds the same;
-- what is null there is here what the flag does not keep. An import subtracts the commits that it touches as they were,
-- and adds them as they are.
CREATE TABLE commit_count (
  repo_id INTEGER NOT NULL,
  apex_user_id INTEGER NOT NULL,
  is_duplicate INTEGER NOT NULL,
  is_merge INTEGER NOT NULL,
  is_pr_orphan INTEGER NOT NULL,
  is_outlier INTEGER NOT NULL,
  is_weekday INTEGER NOT NULL,
  count INTEGER NOT NULL,
  outlier_reason INTEGER GENERATED ALWAYS AS (nullif(is_outlier, 0)) VIRTUAL,
  PRIMARY KEY (repo_id, apex_user_id, is_duplicate, is_merge, is_pr_orphan, is_outlier, is_weekday)
) STRICT, WITHOUT ROWID;
INSERT INTO commit_count
SELECT repo_id, apex_user_id, is_duplicate, is_merge IS NOT 0, is_pr_orphan IS NOT 0, outlier_reason IS NOT NULL,
  is_weekday IS 1, COUNT(*)
FROM commits GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- How many commits there are of each new_work, kept in the same way.
CREATE TABLE new_work_count (
  new_work INTEGER PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT;
INSERT INTO new_work_count SELECT new_work, COUNT(*) FROM commits WHERE new_work IS NOT NULL GROUP BY 1;
