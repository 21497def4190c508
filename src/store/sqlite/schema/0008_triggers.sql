-- What publishes by itself.
CREATE TABLE triggers (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    revision     INTEGER NOT NULL,          -- goes up with each change
    uuid         TEXT    NOT NULL,          -- its name to the world
    owner        INTEGER NOT NULL,
    stopped_at   INTEGER,                   -- NULL: started
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    removed_at   INTEGER,
    name         TEXT    NOT NULL,
    event        TEXT    NOT NULL,          -- the type of what it publishes
    applications TEXT,                      -- JSON array; NULL: none
    settings     TEXT    NOT NULL,          -- JSON, with its kind
    task         TEXT                       -- what CDS calls it, JSON; NULL: made through another API
) STRICT;
CREATE UNIQUE INDEX triggers_by_uuid ON triggers (uuid) WHERE removed_at IS NULL;
CREATE INDEX triggers_removed ON triggers (id) WHERE removed_at IS NOT NULL;

-- What requests have to be signed with, sealed.
CREATE TABLE trigger_secrets (
    trigger_id INTEGER PRIMARY KEY,
    sealed     BLOB    NOT NULL
) STRICT;

-- What fired a trigger, or will.
CREATE TABLE executions (
    seq          INTEGER PRIMARY KEY,
    trigger_id   INTEGER NOT NULL,
    lane         INTEGER NOT NULL,          -- 0 it came in, 1 it is a request of ours, 2 it was scheduled
    status       INTEGER NOT NULL,          -- 0 scheduled, or enqueued once it is due; 2 doing, 3 done
    at           INTEGER NOT NULL,          -- when it came in, or what it was scheduled for
    due_at       INTEGER,                   -- not before; NULL: it is over, or under way
    errors       INTEGER NOT NULL,
    last_error   TEXT,
    conclusion   INTEGER,                   -- 0 published, 1 skipped, 2 failed
    processed_at INTEGER,
    hops         INTEGER NOT NULL,          -- triggers that it had passed through before
    key          TEXT,                      -- the sender's own name for it
    method       TEXT,                      -- NULL: nothing came in
    query        TEXT,
    headers      TEXT,
    body         BLOB
) STRICT;
CREATE INDEX executions_of_trigger ON executions (trigger_id, seq);
CREATE INDEX executions_due ON executions (lane, due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX executions_doing ON executions (seq) WHERE status = 2;

-- The senders' names of what was published: sent again, it is not published again.
CREATE TABLE execution_keys (
    trigger_id INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    execution  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (trigger_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX execution_keys_age ON execution_keys (created_at);

-- While there is a row, nothing is carried out.
CREATE TABLE maintenance (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    since INTEGER NOT NULL
) STRICT;

-- The execution that published an event; NULL: somebody did.
ALTER TABLE events ADD COLUMN trigger_id INTEGER;
ALTER TABLE events ADD COLUMN execution  INTEGER;
ALTER TABLE events ADD COLUMN hops       INTEGER;
CREATE INDEX events_of_execution ON events (execution) WHERE execution IS NOT NULL;

-- A trigger, and whether it has a secret.
CREATE VIEW known_triggers AS
    SELECT triggers.*,
           EXISTS (SELECT 1 FROM trigger_secrets WHERE trigger_id = triggers.id) AS has_secret
    FROM triggers;
