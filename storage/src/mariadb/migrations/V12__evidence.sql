-- What somebody shows, kept before any store is asked: a member's on the member's shard, a
-- store's own on its digest's. What was answered keeps no body.
CREATE TABLE evidence (
    evidence    BINARY(32)  NOT NULL PRIMARY KEY,
    app         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    store       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    member      BIGINT,               -- who shows it; NULL: the store itself
    mark        MEDIUMTEXT  NOT NULL, -- what it is the same by; empty once it was answered
    body        MEDIUMTEXT  NOT NULL, -- JSON
    reservation BINARY(16),
    shown       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    claim       BINARY(32),           -- what it led to
    why         VARCHAR(128),
    tries       INT         NOT NULL,
    due_at      BIGINT,               -- when the store is asked; NULL: no more
    created_at  BIGINT      NOT NULL,
    changed_at  BIGINT      NOT NULL,
    KEY evidence_due (due_at),
    KEY evidence_changed (shown, changed_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
