-- `author_local_date` of the commits that were imported without it: `author_date` on a clock `author_tzoffset` seconds east of
-- UTC or, without an offset, as it was written. Imports fill it since. It stays NULL outside the years 0001 to 9999.
UPDATE commits SET author_local_date =
  CASE WHEN author_tzoffset IS NOT NULL THEN strftime(
    '%Y-%m-%dT%H:%M:%S', substr(coalesce(author_date_utc, author_date), 1, 19), author_tzoffset || ' seconds'
  ) WHEN length(author_date) = 10 THEN author_date || 'T00:00:00'
  ELSE substr(author_date, 1, 10) || 'T' || substr(author_date, 12, 5)
    || iif(substr(author_date, 17, 1) = ':', substr(author_date, 17, 3), ':00')
  END
  -- The fraction of a second, which no offset changes.
  || iif(
    substr(coalesce(author_date_utc, author_date), 20) GLOB '.[0-9]*'
      AND substr(coalesce(author_date_utc, author_date), 21) NOT GLOB '*[^0-9]*',
    substr(coalesce(author_date_utc, author_date), 20),
    ''
  )
WHERE author_local_date IS NULL AND author_date IS NOT NULL AND day BETWEEN -719162 AND 2932896
  AND (author_tzoffset IS NULL OR author_tzoffset BETWEEN -86399 AND 86399);

-- Such commits now have a weekday.
DELETE FROM commit_count;
INSERT INTO commit_count
SELECT repo_id, apex_user_id, is_duplicate, is_merge IS NOT 0, is_pr_orphan IS NOT 0, outlier_reason IS NOT NULL,
  is_weekday IS 1, COUNT(*)
FROM commits GROUP BY 1, 2, 3, 4, 5, 6, 7;
UPDATE generation SET value = hex(randomblob(16));
