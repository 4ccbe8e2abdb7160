-- On the shard of the purchase's own key: whose it is and how it stands. The owner's rows may be
-- on another server; until they are known to have followed the claim is pending, and whoever
-- meets it lets them follow.
CREATE TABLE purchase_claim (
    claim       BINARY(32)   NOT NULL PRIMARY KEY,
    app         VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    store       VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    environment VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    store_key   VARCHAR(512) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    purchase    BINARY(16)   NOT NULL,
    facts       TEXT         NOT NULL, -- JSON
    product     VARCHAR(64),
    grants      TEXT         NOT NULL, -- JSON
    owner       BIGINT,
    stand       VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    refunded_bp INT          NOT NULL,
    hold        VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_nopad_bin,
    told_at     BIGINT       NOT NULL, -- the store's clock
    settled     TINYINT      NOT NULL,
    webhook     TINYINT      NOT NULL,
    granted_at  BIGINT,
    look_at     BIGINT,
    version     BIGINT       NOT NULL,
    pending     TINYINT      NOT NULL,
    created_at  BIGINT       NOT NULL,
    changed_at  BIGINT       NOT NULL,
    KEY purchase_claim_pending (pending, changed_at),
    KEY purchase_claim_look (look_at),
    KEY purchase_claim_stand (stand, created_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
