CREATE TABLE record (
    record BLOB    NOT NULL PRIMARY KEY, -- UUID of version 7, made at the source
    at     INTEGER NOT NULL,
    app    TEXT    NOT NULL,
    member INTEGER,
    kind   TEXT    NOT NULL,
    fields TEXT    NOT NULL              -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX record_member ON record (member, at);
CREATE INDEX record_kind ON record (kind, at);
