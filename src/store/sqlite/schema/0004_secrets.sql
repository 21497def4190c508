-- Which key the sealed values of this database need. No row: nothing is sealed yet.
CREATE TABLE vault (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    key_id BLOB    NOT NULL                 -- the first 8 bytes of the key's SHA-256
) STRICT;

-- All that is secret about a living hook, sealed (see store/vault.rs) as one JSON object.
CREATE TABLE hook_secrets (
    hook_id  INTEGER PRIMARY KEY REFERENCES hooks (id),
    sealed   BLOB    NOT NULL,
    next_end INTEGER                        -- when a former signing key no longer signs; NULL: there is none
) STRICT;
CREATE INDEX hook_secrets_end ON hook_secrets (next_end) WHERE next_end IS NOT NULL;

-- How a hook signs, and the names of the headers of its own: what may be shown.
ALTER TABLE hooks ADD COLUMN signatures   TEXT NOT NULL DEFAULT '["v1"]';  -- JSON array of v1, v1a, github
ALTER TABLE hooks ADD COLUMN header_names TEXT;                            -- JSON array; NULL: none

-- hook_credentials, which was not sealed, goes once its rows are moved (sqlite/sealing.rs).
