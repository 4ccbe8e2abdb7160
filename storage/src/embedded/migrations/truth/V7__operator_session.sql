-- Who is logged in to the operators' API. The token itself is with the browser alone.
CREATE TABLE operator_session (
    token        BLOB    NOT NULL PRIMARY KEY, -- its digest
    id           BLOB    NOT NULL,
    operator     BLOB    NOT NULL,
    address      TEXT    NOT NULL,
    agent        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    proven_at    INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_session_operator ON operator_session (operator, seen_at);
