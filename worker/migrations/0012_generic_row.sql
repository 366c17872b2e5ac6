-- The rows of all resources that no table of their own describes: pull requests, tickets and so on. They are shown as they
-- came. `filter_values` has the values that filters compare, as in the other tables; it comes first, because filters do not
-- read `row`.
CREATE TABLE generic_row (
  resource TEXT NOT NULL,
  id INTEGER NOT NULL,
  filter_values TEXT,
  row TEXT NOT NULL,
  PRIMARY KEY (resource, id)
) STRICT, WITHOUT ROWID;
