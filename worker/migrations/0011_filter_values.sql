-- The values of fields that only some rows have, as filters compare them: a JSON object, or NULL if the row has none.
-- Rows that are there already have none until they are imported again (`streamgage push` of the same dump).
ALTER TABLE tags ADD COLUMN filter_values TEXT;
ALTER TABLE repos ADD COLUMN filter_values TEXT;
ALTER TABLE teams ADD COLUMN filter_values TEXT;
ALTER TABLE users ADD COLUMN filter_values TEXT;
ALTER TABLE team_membership ADD COLUMN filter_values TEXT;
ALTER TABLE user_alias ADD COLUMN filter_values TEXT;
ALTER TABLE commits ADD COLUMN filter_values TEXT;
