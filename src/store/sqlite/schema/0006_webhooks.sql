-- Which applications there are, as far as anybody has said so.
CREATE TABLE applications (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

INSERT INTO applications (name, created_at)
    SELECT name, unixepoch() * 1000 FROM (
        SELECT application AS name FROM hook_filters WHERE application <> '*'
        UNION SELECT value FROM tokens, json_each(tokens.applications))
    ORDER BY name;

-- Applications that a hook was made for or wanted once, and does not want now: its
-- history is of them, too, so who may not see them may not see the hook. JSON array;
-- NULL: none.
ALTER TABLE hooks ADD COLUMN former_applications TEXT;

-- Hooks made through Huskar's API: what its documents call webhook_type, and whether
-- they want the keys of both kinds.
ALTER TABLE hooks ADD COLUMN webhook_type INTEGER;      -- 0: of applications, 1: of the site; NULL: another dialect
ALTER TABLE hooks ADD COLUMN webhook_keys TEXT;         -- both; NULL: those of its kind

-- Whether a hook gets an event once for each of its applications.
ALTER TABLE hook_filters ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;
-- The application that such a delivery is about; NULL: all of its event's.
ALTER TABLE deliveries ADD COLUMN application TEXT;

-- Likewise for each hook of a list; NULL: for none of them.
ALTER TABLE fan_out_hooks ADD COLUMN applications TEXT; -- JSON array

-- Who did what an event tells of, as JSON; NULL: nobody said.
ALTER TABLE events ADD COLUMN deed TEXT;
