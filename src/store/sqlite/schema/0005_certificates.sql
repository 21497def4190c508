-- Who may vouch for a hook's server, where that is not as usual. In a table of its
-- own, because lists of hooks do not read it. Client certificates are sealed.
CREATE TABLE hook_ca_certificates (
    hook_id INTEGER PRIMARY KEY REFERENCES hooks (id),
    pem     TEXT    NOT NULL
) STRICT;

-- What may be shown of a hook's certificates, as JSON; NULL: it has none.
ALTER TABLE hooks ADD COLUMN certificates     TEXT;
ALTER TABLE hooks ADD COLUMN certificates_end INTEGER;  -- when the first of them ends
CREATE INDEX hooks_certificates_end ON hooks (certificates_end)
    WHERE certificates_end IS NOT NULL AND removed_at IS NULL;
