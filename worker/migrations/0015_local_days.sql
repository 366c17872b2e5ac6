-- Migration 0013 filled author_local_date of commits without counting their local days.
DELETE FROM day_count WHERE field = 'author_local_date';
INSERT INTO day_count
SELECT 'author_local_date', substr(coalesce(author_local_date_utc, author_local_date), 1, 10), COUNT(*)
FROM commits WHERE author_local_date IS NOT NULL GROUP BY 2;
UPDATE generation SET value = hex(randomblob(16));
