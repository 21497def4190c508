-- Whether a hook is asked before something happens, and what it means if it says nothing.
ALTER TABLE hooks ADD COLUMN gate       INTEGER;        -- 1: for all that it wants, 0: never, NULL: for its events that begin with pre-
ALTER TABLE hooks ADD COLUMN on_silence TEXT;           -- allow; NULL: deny

-- Likewise for each pair, so that who is to be asked is a look-up.
ALTER TABLE hook_filters ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
UPDATE hook_filters SET asked = 1
    WHERE event LIKE 'pre-%'
      AND hook_id IN (SELECT id FROM hooks WHERE webhook_type IS NULL);
CREATE INDEX hook_filters_asked ON hook_filters (event, application, hook_id) WHERE asked = 1;

-- What was asked, of all hooks that wanted to be.
CREATE TABLE gates (
    seq          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,   -- the 16 bytes of the ULID
    type         TEXT    NOT NULL,
    applications TEXT,                      -- JSON array; NULL: none
    payload      BLOB    NOT NULL,          -- to the byte
    subject      TEXT,                      -- what a call of CCX is about; NULL: another's
    owner        INTEGER NOT NULL,
    asker        INTEGER,                   -- by which token; NULL: none was asked for
    key          TEXT,                      -- the Idempotency-Key; NULL: none
    fingerprint  BLOB,                      -- of what it stands for
    state        INTEGER NOT NULL,          -- 0 open, 1 approved, 2 refused, 3 expired
    reason       TEXT,                      -- NULL: decisions say it
    asked_at     INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    closed_at    INTEGER
) STRICT;
CREATE INDEX gates_open ON gates (expires_at) WHERE state = 0;
CREATE INDEX gates_closed ON gates (closed_at) WHERE state <> 0;
CREATE INDEX gates_by_key ON gates (owner, key) WHERE key IS NOT NULL;
CREATE INDEX gates_about ON gates (subject, seq) WHERE subject IS NOT NULL;

-- What each hook came to.
CREATE TABLE decisions (
    gate        INTEGER NOT NULL,
    hook_id     INTEGER NOT NULL,
    token       BLOB    NOT NULL,           -- SHA-256 of what lets it decide later
    on_silence  TEXT    NOT NULL,
    state       INTEGER NOT NULL,           -- 0 asked, 1 pending, 2 approved, 3 refused, 4 silent
    reason      TEXT,
    work_id     TEXT,
    answer      TEXT,                       -- JSON
    status      INTEGER,
    answered_at INTEGER,
    duration_us INTEGER,
    decided_at  INTEGER,
    decided_by  TEXT,                       -- a person's token; NULL: the hook itself
    PRIMARY KEY (gate, hook_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_of_work ON decisions (work_id, gate) WHERE work_id IS NOT NULL;

-- The gate that was asked before an event; NULL: none.
ALTER TABLE events ADD COLUMN gate INTEGER;
CREATE INDEX events_of_gate ON events (gate) WHERE gate IS NOT NULL;
