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
-- The comments and events of one pull request or ticket.
CREATE INDEX pull_request_comments_pull_request ON generic_row (filter_values ->> '$.pull_request_id')
WHERE resource = 'pull_request_comments';
CREATE INDEX pull_request_events_pull_request ON generic_row (filter_values ->> '$.pull_request_id')
WHERE resource = 'pull_request_events';
CREATE INDEX ticket_comments_ticket ON generic_row (filter_values ->> '$.ticket_id')
WHERE resource = 'ticket_comments';
CREATE INDEX ticket_events_ticket ON generic_row (filter_values ->> '$.ticket_id')
WHERE resource = 'ticket_events';
