-- The store's one order: events and deliveries take their seq from this counter.
-- A lease takes its number from it too, so that none is ever given twice.
CREATE TABLE counter (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO counter (id, seq) VALUES (1, 0);

-- A removed hook stays as a tombstone, for its history.
CREATE TABLE hooks (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    owner        INTEGER NOT NULL,          -- 0: all admins and the open mode
    dialect      TEXT    NOT NULL,
    url          TEXT    NOT NULL,          -- without user info
    url_key      TEXT    NOT NULL,          -- the url without regard to case
    filter       TEXT    NOT NULL,          -- JSON: [[event or *, application or *], …] as first written
    insecure_ssl INTEGER NOT NULL,
    description  TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    removed_at   INTEGER
) STRICT;

-- Kudu's rule: a URL stands once among one owner's hooks.
CREATE UNIQUE INDEX hooks_by_url ON hooks (owner, url_key)
    WHERE dialect = 'kudu' AND removed_at IS NULL;

-- What stood in the URL as user info; apart, so that nothing that shows hooks reads it.
CREATE TABLE hook_credentials (
    hook_id  INTEGER PRIMARY KEY REFERENCES hooks (id),
    username TEXT NOT NULL,
    password TEXT NOT NULL
) STRICT;

-- The filters of all living hooks, multiplied out: matching is a look-up here.
CREATE TABLE hook_filters (
    event       TEXT    NOT NULL,           -- in lower case, or *
    application TEXT    NOT NULL,           -- or *
    hook_id     INTEGER NOT NULL REFERENCES hooks (id),
    PRIMARY KEY (event, application, hook_id)
) STRICT, WITHOUT ROWID;

-- What came of each hook's latest delivery; apart, because it changes all the time.
CREATE TABLE hook_results (
    hook_id    INTEGER PRIMARY KEY REFERENCES hooks (id),
    delivery   INTEGER NOT NULL,
    event      INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    status     INTEGER,                     -- NULL: no answer came
    reason     TEXT    NOT NULL
) STRICT;

-- The head of each hook's queue of pending deliveries: no delivery of the hook is
-- due before due_at. Claims look here first, so that a backlog of millions costs
-- no more than one of ten.
CREATE TABLE hook_queues (
    hook_id INTEGER PRIMARY KEY REFERENCES hooks (id),
    due_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX hook_queues_due ON hook_queues (due_at);

-- Removed hooks whose owed deliveries are still to be cancelled, step by step.
CREATE TABLE removals (
    hook_id INTEGER PRIMARY KEY REFERENCES hooks (id)
) STRICT;

CREATE TABLE events (
    seq          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,   -- the 16 bytes of the ULID
    type         TEXT    NOT NULL,
    applications TEXT,                      -- JSON array; NULL: none
    payload      BLOB    NOT NULL,          -- to the byte
    deliveries   INTEGER NOT NULL,          -- these follow at seq + 1 …
    published_at INTEGER NOT NULL
) STRICT;

-- No foreign keys from here on: parents are never deleted before their children,
-- and a check would cost each publish a look-up a row.
CREATE TABLE deliveries (
    seq            INTEGER PRIMARY KEY,
    event_seq      INTEGER NOT NULL,
    hook_id        INTEGER NOT NULL,
    state          INTEGER NOT NULL,        -- 0 pending, 1 leased, 2 delivered, 3 dead, 4 cancelled
    attempts       INTEGER NOT NULL,        -- that have ended
    due_at         INTEGER,                 -- pending: not before; leased: until when
    lease          INTEGER,                 -- leased: by whom
    finished_at    INTEGER,
    -- The first attempt, if that one delivered it; all others are in attempts.
    started_at     INTEGER,
    duration_us    INTEGER,
    status         INTEGER,
    reason         TEXT,                    -- NULL: the usual one of the status
    request_headers TEXT,
    answer_headers TEXT,
    answer_body    BLOB
) STRICT;
CREATE INDEX deliveries_of_hook ON deliveries (hook_id, seq);
CREATE INDEX deliveries_pending ON deliveries (hook_id, due_at, seq) WHERE state = 0;
CREATE INDEX deliveries_leased ON deliveries (due_at) WHERE state = 1;
CREATE INDEX deliveries_dead ON deliveries (seq) WHERE state = 3;

-- Attempts that failed, and later ones that did not.
CREATE TABLE attempts (
    delivery        INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    started_at      INTEGER NOT NULL,
    duration_us     INTEGER NOT NULL,
    outcome         INTEGER NOT NULL,       -- 0 answered, 1 failed, 2 refused
    status          INTEGER,
    reason          TEXT    NOT NULL,
    request_headers TEXT,                   -- lines `name: value`
    answer_headers  TEXT,                   -- likewise
    answer_body     BLOB,
    PRIMARY KEY (delivery, number)
) STRICT;

CREATE TABLE idempotency_keys (
    owner       INTEGER NOT NULL,
    type        TEXT    NOT NULL,           -- in lower case
    key         TEXT    NOT NULL,
    event_seq   INTEGER NOT NULL,
    fingerprint BLOB    NOT NULL,           -- SHA-256 over applications and payload
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (owner, type, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- A living hook and what came of its latest delivery, with no more of the event
-- than last_context shows.
CREATE VIEW living_hooks AS
    SELECT hooks.*, last.delivery AS last_delivery, last.started_at AS last_started_at,
           last.status AS last_status, last.reason AS last_reason,
           substr(events.payload, 1, 4096) AS last_context
    FROM hooks
    LEFT JOIN hook_results AS last ON last.hook_id = hooks.id
    LEFT JOIN events ON events.seq = last.event
    WHERE hooks.removed_at IS NULL;

-- A delivery and which event it owes.
CREATE VIEW delivery_history AS
    SELECT d.*, events.id AS event_id, events.type AS event_type, events.published_at
    FROM deliveries AS d JOIN events ON events.seq = d.event_seq;
