-- The tables that imports maintain, calculated from the rows. Counts of 0 do not appear.
CREATE TEMP VIEW calculated_rollup AS
SELECT day, apex_user_id, repo_id, COUNT(*) AS commits, SUM(coalesce(haloc, 0)) AS haloc, SUM(coalesce(churn, 0)) AS churn,
  SUM(coalesce(impact, 0)) AS impact
FROM commits AS t
WHERE coalesce(is_merge, 0) = 0 AND coalesce(is_pr_orphan, 0) = 0 AND outlier_reason IS NULL
  AND NOT EXISTS (SELECT 1 FROM commits WHERE ignore_hash = t.ignore_hash AND id < t.id)
GROUP BY 1, 2, 3;

CREATE TEMP VIEW calculated_commit_count AS
SELECT repo_id, apex_user_id,
  EXISTS (SELECT 1 FROM commits WHERE ignore_hash = t.ignore_hash AND id < t.id) AS is_duplicate,
  coalesce(is_merge, 1) AS is_merge, coalesce(is_pr_orphan, 1) AS is_pr_orphan, outlier_reason IS NOT NULL AS is_outlier,
  coalesce(is_weekday, 0) AS is_weekday, COUNT(*) AS count
FROM commits AS t GROUP BY 1, 2, 3, 4, 5, 6, 7;

CREATE TEMP VIEW calculated_day_count AS
SELECT 'author_date' AS field, date(coalesce(author_date_utc, author_date)) AS day, COUNT(*) AS count
FROM commits WHERE author_date IS NOT NULL GROUP BY 2
UNION ALL
SELECT 'author_local_date', date(coalesce(author_local_date_utc, author_local_date)), COUNT(*)
FROM commits WHERE author_local_date IS NOT NULL GROUP BY 2;

CREATE TEMP VIEW calculated_new_work_count AS
SELECT new_work, COUNT(*) AS count FROM commits WHERE new_work IS NOT NULL GROUP BY 1;

CREATE TEMP VIEW identifier AS
SELECT 'tags' AS resource, id FROM tags
UNION ALL SELECT 'repos', id FROM repos
UNION ALL SELECT 'teams', id FROM teams
UNION ALL SELECT 'users', id FROM users
UNION ALL SELECT 'team_membership', id FROM team_membership
UNION ALL SELECT 'user_alias', id FROM user_alias
UNION ALL SELECT 'commits', id FROM commits;
CREATE TEMP VIEW calculated_row_count AS
SELECT resource, column1 AS bits, id >> column1 AS block, COUNT(*) AS count
FROM identifier, (VALUES (10), (62)) GROUP BY 1, 2, 3;
CREATE TEMP VIEW calculated_generic_row_count AS
SELECT resource, column1 AS bits, id >> column1 AS block, COUNT(*) AS count
FROM generic_row, (VALUES (10), (62)) GROUP BY 1, 2, 3;
