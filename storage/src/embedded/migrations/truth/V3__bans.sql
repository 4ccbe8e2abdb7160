-- Why a member is kept out. A row is written once and stays; the member names the one that
-- counts, and from its end on it counts no more.

CREATE TABLE ban (
    ban        BLOB    NOT NULL PRIMARY KEY,
    app        TEXT    NOT NULL,
    member     INTEGER NOT NULL REFERENCES member (member),
    reason     TEXT    NOT NULL, -- what the player is told
    until      INTEGER,          -- NULL: without an end
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ban_member ON ban (member, created_at);

ALTER TABLE member ADD COLUMN ban BLOB REFERENCES ban (ban);
