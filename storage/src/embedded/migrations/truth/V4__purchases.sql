-- What a member hands to stores with each purchase, to say whose it is.
CREATE TABLE account_token (
    member       INTEGER NOT NULL PRIMARY KEY,
    app          TEXT    NOT NULL,
    token        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- What somebody shows, kept before any store is asked: a member's on the member's shard, a
-- store's own on its digest's. What was answered keeps no body.
CREATE TABLE evidence (
    evidence     BLOB    NOT NULL PRIMARY KEY,
    app          TEXT    NOT NULL,
    store        TEXT    NOT NULL,
    member       INTEGER, -- who shows it; NULL: the store itself
    mark         TEXT    NOT NULL, -- what it is the same by; empty once it was answered
    body         TEXT    NOT NULL, -- JSON
    reservation  BLOB,
    shown        TEXT    NOT NULL,
    claim        BLOB, -- what it led to
    why          TEXT,
    tries        INTEGER NOT NULL,
    due_at       INTEGER, -- when the store is asked; NULL: no more
    created_at   INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX evidence_due ON evidence (due_at)
    WHERE due_at IS NOT NULL;

CREATE INDEX evidence_changed ON evidence (shown, changed_at);

-- On the shard of the purchase's own key: whose it is and how it stands. The owner's rows may be
-- on another server; until they are known to have followed the claim is pending, and whoever
-- meets it lets them follow.
CREATE TABLE purchase_claim (
    claim        BLOB    NOT NULL PRIMARY KEY,
    app          TEXT    NOT NULL,
    store        TEXT    NOT NULL,
    environment  TEXT    NOT NULL,
    store_key    TEXT    NOT NULL,
    purchase     BLOB    NOT NULL,
    facts        TEXT    NOT NULL, -- JSON
    product      TEXT,
    grants       TEXT    NOT NULL, -- JSON
    owner        INTEGER,
    stand        TEXT    NOT NULL,
    refunded_bp  INTEGER NOT NULL,
    hold         TEXT,
    told_at      INTEGER NOT NULL, -- the store's clock
    settled      INTEGER NOT NULL,
    webhook      INTEGER NOT NULL,
    granted_at   INTEGER,
    look_at      INTEGER,
    version      INTEGER NOT NULL,
    pending      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX purchase_claim_pending ON purchase_claim (changed_at)
    WHERE pending = 1;

CREATE INDEX purchase_claim_look ON purchase_claim (look_at)
    WHERE look_at IS NOT NULL;

CREATE INDEX purchase_claim_stand ON purchase_claim (stand, created_at);

-- A member's purchases.
CREATE TABLE purchase (
    member       INTEGER NOT NULL,
    purchase     BLOB    NOT NULL,
    claim        BLOB    NOT NULL,
    app          TEXT    NOT NULL,
    store        TEXT    NOT NULL,
    environment  TEXT    NOT NULL,
    store_key    TEXT    NOT NULL,
    facts        TEXT    NOT NULL, -- JSON
    product      TEXT,
    grants       TEXT    NOT NULL, -- JSON
    stand        TEXT    NOT NULL,
    refunded_bp  INTEGER NOT NULL,
    version      INTEGER NOT NULL, -- of the claim that this has followed
    consumed_at  INTEGER,
    settle       TEXT, -- what the store is to be told
    settle_at    INTEGER, -- when; NULL: no more
    settle_tries INTEGER NOT NULL,
    settle_why   TEXT, -- why it was given up
    created_at   INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    PRIMARY KEY (member, purchase)
) STRICT, WITHOUT ROWID;

CREATE INDEX purchase_settle ON purchase (settle_at)
    WHERE settle_at IS NOT NULL;

-- What members have: the sum of their entries in the ledger.
CREATE TABLE wallet (
    member       INTEGER NOT NULL,
    item         TEXT    NOT NULL,
    app          TEXT    NOT NULL,
    balance      INTEGER NOT NULL,
    PRIMARY KEY (member, item)
) STRICT, WITHOUT ROWID;

-- Every change of what members have, by double entry: of each transfer the lines of an item sum
-- up to zero. Rows are written once and stay.
CREATE TABLE ledger (
    member       INTEGER NOT NULL,
    transfer     BLOB    NOT NULL,
    line         INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    item         TEXT    NOT NULL,
    delta        INTEGER NOT NULL,
    balance      INTEGER, -- what the member had right after; of the member's own lines
    cause        TEXT    NOT NULL,
    purchase     BLOB, -- what was granted or taken back
    note         TEXT,
    at           INTEGER NOT NULL,
    PRIMARY KEY (member, transfer, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_time ON ledger (member, at);

-- What the games' own servers are to be told, numbered for each member.
CREATE TABLE outbox (
    member       INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    app          TEXT    NOT NULL,
    notice       BLOB    NOT NULL,
    word         TEXT    NOT NULL,
    body         TEXT    NOT NULL, -- JSON
    sent         TEXT    NOT NULL,
    tries        INTEGER NOT NULL,
    why          TEXT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (member, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_time ON outbox (app, created_at);

CREATE INDEX outbox_waiting ON outbox (member, seq)
    WHERE sent = 'waiting';

CREATE INDEX outbox_sent ON outbox (sent, created_at);

-- Of whom something is to be told, and the last number that was given. Written under the
-- member's lock.
CREATE TABLE outbox_member (
    member       INTEGER NOT NULL PRIMARY KEY,
    app          TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    due_at       INTEGER -- NULL: nothing waits
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_member_due ON outbox_member (due_at)
    WHERE due_at IS NOT NULL;

-- On the home shard: when work that one node does at a time is due again.
CREATE TABLE turn (
    work         TEXT    NOT NULL PRIMARY KEY,
    due_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
