-- A member's inbox: pushes that must arrive, numbered from 1 without a gap. The numbers are
-- counted in the member's own lock row.

ALTER TABLE member_session ADD COLUMN inbox_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member_session ADD COLUMN inbox_acked INTEGER NOT NULL DEFAULT 0;

CREATE TABLE inbox (
    member     INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    word       TEXT    NOT NULL,
    body       TEXT    NOT NULL, -- JSON
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (member, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_expiry ON inbox (expires_at);
