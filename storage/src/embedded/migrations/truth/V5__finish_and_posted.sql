-- When a claim that was left pending is tried again: one that cannot be finished makes room.
ALTER TABLE purchase_claim ADD COLUMN finish_at INTEGER NOT NULL DEFAULT 0;
DROP INDEX purchase_claim_pending;
CREATE INDEX purchase_claim_pending ON purchase_claim (finish_at, changed_at)
    WHERE pending = 1;

-- Pushes that a game's server asked for under a name of its own: each is posted once.
CREATE TABLE posted (
    member       INTEGER NOT NULL,
    post         BLOB    NOT NULL,
    digest       BLOB    NOT NULL, -- of what was asked for
    seq          INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (member, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX posted_expires ON posted (expires_at);
