-- The number of commits by new_work, so that lists of a range of new_work are counted without reading commits. An import
-- subtracts the commits that it changes in their former state, and adds them in their new state.
CREATE TABLE new_work_count (
  new_work INTEGER PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT;
INSERT INTO new_work_count SELECT new_work, COUNT(*) FROM commits WHERE new_work IS NOT NULL GROUP BY 1;
