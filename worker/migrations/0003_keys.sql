-- Times are in seconds since 1970-01-01.
CREATE TABLE api_key (
  id INTEGER PRIMARY KEY,
  -- SHA-256 of the key, in lower-case hexadecimal digits. The key itself is nowhere.
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  -- Some of "metrics", "core", "import" and "purge", with a space between.
  permissions TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;

-- dump.json of the dump that was imported: one row at most.
CREATE TABLE dump (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  value TEXT NOT NULL
) STRICT;
