-- What of an upstream a key may see: {"teams": [7], "repos": [1, 2]}, of which either may be absent. Without a scope a
-- key sees all. Where the Worker answers from its own tables a key with a scope sees nothing.
ALTER TABLE api_key ADD COLUMN scopes TEXT CHECK (scopes IS NULL OR json_valid(scopes));
