-- Times are microseconds since the epoch, digests are SHA-256, ids of rows are UUIDs of
-- version 7 as 16 bytes.

CREATE TABLE app (
    app        TEXT    NOT NULL PRIMARY KEY,
    settings   TEXT    NOT NULL, -- JSON
    seed       BLOB    NOT NULL, -- digest of the description that was last sown
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    member     INTEGER NOT NULL PRIMARY KEY,
    app        TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;

CREATE TABLE identity (
    app           TEXT    NOT NULL,
    provider      TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    member        INTEGER NOT NULL REFERENCES member (member),
    secret        BLOB,             -- digest of a guest's secret
    linked_at     INTEGER NOT NULL,
    last_login_at INTEGER NOT NULL,
    PRIMARY KEY (app, provider, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_member ON identity (member, linked_at);

-- The member's only lock, and which login counts.
CREATE TABLE member_session (
    member INTEGER NOT NULL PRIMARY KEY REFERENCES member (member),
    app    TEXT    NOT NULL,
    epoch  INTEGER NOT NULL,
    login  BLOB    NOT NULL
) STRICT;

CREATE TABLE login (
    login        BLOB    NOT NULL PRIMARY KEY,
    app          TEXT    NOT NULL,
    member       INTEGER NOT NULL REFERENCES member (member),
    provider     TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    platform     TEXT    NOT NULL,
    store        TEXT,
    device       TEXT,
    version      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_by     TEXT,
    ended_at     INTEGER,
    tag          BLOB    NOT NULL, -- digest of what all refresh tokens of this login share
    token        BLOB    NOT NULL, -- digest of the present refresh token
    previous     BLOB,             -- digest of the one before
    sealed       BLOB              -- the present token, sealed under the one before
) STRICT, WITHOUT ROWID;

CREATE INDEX login_member ON login (member, created_at);
CREATE INDEX login_expiry ON login (expires_at);

CREATE TABLE used_nonce (
    app        TEXT    NOT NULL,
    nonce      BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app, nonce)
) STRICT, WITHOUT ROWID;

CREATE INDEX used_nonce_expiry ON used_nonce (expires_at);
