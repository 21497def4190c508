-- Who may come in. Revoked and expired tokens stay: that one was ever made is what
-- closes a server.
CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE,   -- SHA-256 of the token, which has 32 random bytes
    scopes       TEXT    NOT NULL,          -- JSON array
    applications TEXT,                      -- JSON array; NULL: all
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,                   -- NULL: never
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;

-- Goes up with each token that is made or revoked: a running server looks here.
CREATE TABLE token_changes (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO token_changes (id, count) VALUES (1, 0);

-- Who did what to the house, and from where.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    token   INTEGER,                        -- NULL: none was asked for, or nobody came in
    name    TEXT    NOT NULL,               -- the token's, or open, nyala, command line
    address TEXT,
    action  TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    detail  TEXT
) STRICT;
CREATE INDEX audit_age ON audit (at);

-- Who published an event; NULL: the server itself, or no token was asked for.
ALTER TABLE events ADD COLUMN publisher INTEGER;
