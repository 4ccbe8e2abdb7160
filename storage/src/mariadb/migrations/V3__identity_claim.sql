-- On the shard of the identity's digest: whose it is. The member's own rows may be on another
-- server; until they are known to be there the claim is pending, and whoever meets it
-- finishes it.
CREATE TABLE identity_claim (
    identity   BINARY(32)  NOT NULL PRIMARY KEY,
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    provider   VARCHAR(64)   NOT NULL,
    subject    TEXT          NOT NULL,
    member     BIGINT        NOT NULL,
    secret     BINARY(32),             -- digest of a guest's secret
    attempt    BINARY(16)    NOT NULL, -- the login that claimed it
    claimed_at BIGINT        NOT NULL,
    pending    TINYINT       NOT NULL,
    KEY identity_claim_pending (pending, claimed_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
