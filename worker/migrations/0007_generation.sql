-- Names what the store holds: each import draws another at random, in its own transaction, whatever it changes. What was
-- answered under a name is the answer for as long as the store has that name; no two stores ever share one, nor does one
-- that was restored and written again. There is always one row.
CREATE TABLE generation (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  value TEXT NOT NULL
) STRICT;
INSERT INTO generation (id, value) VALUES (1, hex(randomblob(16)));
