-- How often the store was written: each import adds 1, in its own transaction, whatever it changes. What was answered
-- at a generation is the answer for as long as the generation is that. There is always one row.
CREATE TABLE generation (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  value INTEGER NOT NULL
) STRICT;
INSERT INTO generation (id, value) VALUES (1, 0);
