-- How a hook wants its deliveries, and whether it gets any.
ALTER TABLE hooks ADD COLUMN max_in_flight INTEGER;                      -- NULL: as many as the server gives a hook
ALTER TABLE hooks ADD COLUMN rate_limit    INTEGER;                      -- attempts a second; NULL: any number
ALTER TABLE hooks ADD COLUMN ordering      TEXT NOT NULL DEFAULT 'none'; -- none, hook or application
ALTER TABLE hooks ADD COLUMN paused_at     INTEGER;                      -- NULL: not paused
ALTER TABLE hooks ADD COLUMN paused_by     TEXT;                         -- person or breaker

-- Hooks whose latest attempts all failed; a success takes the row away.
CREATE TABLE hook_breakers (
    hook_id   INTEGER PRIMARY KEY REFERENCES hooks (id),
    failures  INTEGER NOT NULL,             -- in a row
    since     INTEGER NOT NULL,             -- the first of them
    probes    INTEGER NOT NULL,             -- among them
    probe_at  INTEGER                       -- failing: no attempt before; NULL: too few failures for that
) STRICT;

-- A hook that is paused or failing has its whole queue held back: due_at is never
-- earlier than not_before.
ALTER TABLE hook_queues ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;

-- What ordered hooks owe, by line: one line a hook, or one an application. The first
-- in a line is due; a delivery behind it is pending without a due_at. Apart from
-- deliveries, so that hooks without an order pay nothing for it.
CREATE TABLE turns (
    hook_id  INTEGER NOT NULL,
    line     TEXT    NOT NULL,              -- the application; empty for the whole hook
    delivery INTEGER NOT NULL,
    PRIMARY KEY (hook_id, line, delivery)
) STRICT, WITHOUT ROWID;
CREATE INDEX turns_of_delivery ON turns (delivery);

-- Events that many hooks want, whose deliveries are made step by step; the hooks in
-- the order of the deliveries, apart, because only the count changes.
CREATE TABLE fan_outs (
    event_seq INTEGER PRIMARY KEY,
    done      INTEGER NOT NULL              -- deliveries that are there
) STRICT;
CREATE TABLE fan_out_hooks (
    event_seq INTEGER PRIMARY KEY,
    hooks     TEXT NOT NULL                 -- JSON array
) STRICT;
CREATE INDEX hooks_ordered ON hooks (id) WHERE ordering <> 'none' AND removed_at IS NULL;

-- A redelivery is a new delivery that names the old one, and the old one it.
ALTER TABLE deliveries ADD COLUMN redelivers     INTEGER;
ALTER TABLE deliveries ADD COLUMN redelivered_by INTEGER;               -- the latest one
ALTER TABLE deliveries ADD COLUMN created_at     INTEGER;               -- NULL: with its event
CREATE INDEX deliveries_again ON deliveries (event_seq, seq) WHERE redelivers IS NOT NULL;
-- What people look for among millions that are well.
CREATE INDEX deliveries_dead_of_hook ON deliveries (hook_id, seq) WHERE state = 3;
CREATE INDEX deliveries_cancelled ON deliveries (seq) WHERE state = 4;

-- Many redeliveries to one hook, made step by step.
CREATE TABLE replays (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    hook_id     INTEGER NOT NULL REFERENCES hooks (id),
    state       INTEGER NOT NULL,           -- 0 running, 1 done, 2 stopped
    wanted      INTEGER,                    -- deliveries in this state; NULL: in any finished one
    next_seq    INTEGER NOT NULL,           -- the next step begins with this delivery
    end_seq     INTEGER NOT NULL,           -- and none is made of this one or later
    total       INTEGER NOT NULL,           -- counted at the beginning
    done        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
-- One hook is replayed once at a time.
CREATE UNIQUE INDEX replays_running ON replays (hook_id) WHERE state = 0;

DROP VIEW living_hooks;
CREATE VIEW living_hooks AS
    SELECT hooks.*, last.delivery AS last_delivery, last.started_at AS last_started_at,
           last.status AS last_status, last.reason AS last_reason,
           substr(events.payload, 1, 4096) AS last_context,
           breaker.failures, breaker.since, breaker.probes, breaker.probe_at
    FROM hooks
    LEFT JOIN hook_results AS last ON last.hook_id = hooks.id
    LEFT JOIN events ON events.seq = last.event
    LEFT JOIN hook_breakers AS breaker ON breaker.hook_id = hooks.id
    WHERE hooks.removed_at IS NULL;
