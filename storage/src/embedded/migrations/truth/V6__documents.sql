-- What operators write for all players, and who did what.

CREATE TABLE document (
    kind       TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    app        TEXT    NOT NULL, -- empty: the publisher's, for all games
    handle     TEXT,
    version    INTEGER NOT NULL,
    revision   INTEGER NOT NULL UNIQUE, -- its last change's place among all changes
    body       TEXT    NOT NULL, -- JSON
    sealed     BLOB,
    removed    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX document_handle ON document (kind, app, handle)
    WHERE removed = 0 AND handle IS NOT NULL;

-- Only ever added to.
CREATE TABLE act (
    act            BLOB    NOT NULL PRIMARY KEY,
    at             INTEGER NOT NULL,
    actor          TEXT    NOT NULL,
    what           TEXT    NOT NULL,
    kind           TEXT,
    document       BLOB,
    app            TEXT    NOT NULL, -- empty: the publisher's
    before         TEXT,
    after          TEXT,
    sealed_changed INTEGER NOT NULL,
    sent_key       TEXT,
    request        BLOB,             -- digest of what came under the key
    handle         TEXT,
    version        INTEGER,
    revision       INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX act_key ON act (actor, sent_key) WHERE sent_key IS NOT NULL;
CREATE INDEX act_time ON act (at, act);
CREATE INDEX act_document ON act (kind, document, at, act) WHERE document IS NOT NULL;
