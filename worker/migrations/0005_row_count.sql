-- How many rows there are, so that counting all of a resource, and finding a page deep among them, reads few rows. Those
-- whose ids agree but for the lowest `bits` bits are counted together: with 10 that is a block of 1,024 ids, with 62 all
-- ids that are not negative. An import adds and subtracts what it stores and deletes.
CREATE TABLE row_count (
  resource TEXT NOT NULL,
  bits INTEGER NOT NULL,
  -- id >> bits
  block INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (resource, bits, block)
) STRICT, WITHOUT ROWID;

INSERT INTO row_count
SELECT 'tags', column1, id >> column1, COUNT(*) FROM tags, (VALUES (10), (62)) GROUP BY column1, id >> column1;
INSERT INTO row_count
SELECT 'repos', column1, id >> column1, COUNT(*) FROM repos, (VALUES (10), (62)) GROUP BY column1, id >> column1;
INSERT INTO row_count
SELECT 'teams', column1, id >> column1, COUNT(*) FROM teams, (VALUES (10), (62)) GROUP BY column1, id >> column1;
INSERT INTO row_count
SELECT 'users', column1, id >> column1, COUNT(*) FROM users, (VALUES (10), (62)) GROUP BY column1, id >> column1;
INSERT INTO row_count
SELECT 'team_membership', column1, id >> column1, COUNT(*) FROM team_membership, (VALUES (10), (62))
GROUP BY column1, id >> column1;
INSERT INTO row_count
SELECT 'user_alias', column1, id >> column1, COUNT(*) FROM user_alias, (VALUES (10), (62))
GROUP BY column1, id >> column1;
INSERT INTO row_count
SELECT 'commits', column1, id >> column1, COUNT(*) FROM commits, (VALUES (10), (62)) GROUP BY column1, id >> column1;
