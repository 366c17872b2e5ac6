-- How many commits there are of each day, so that those of a range of dates are counted without reading them. The day is
-- that of the moment as its index has it, in UTC but for author_local_date, which has no zone. An import subtracts the
-- commits that it touches as they were, and adds them as they are.
CREATE TABLE day_count (
  field TEXT NOT NULL,
  day TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (field, day)
) STRICT, WITHOUT ROWID;
INSERT INTO day_count
SELECT 'author_date', substr(coalesce(author_date_utc, author_date), 1, 10), COUNT(*)
FROM commits WHERE author_date IS NOT NULL GROUP BY 2;
INSERT INTO day_count
SELECT 'author_local_date', substr(coalesce(author_local_date_utc, author_local_date), 1, 10), COUNT(*)
FROM commits WHERE author_local_date IS NOT NULL GROUP BY 2;
