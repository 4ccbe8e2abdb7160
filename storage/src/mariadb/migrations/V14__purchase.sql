-- A member's purchases.
CREATE TABLE purchase (
    member       BIGINT       NOT NULL,
    purchase     BINARY(16)   NOT NULL,
    claim        BINARY(32)   NOT NULL,
    app          VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    store        VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    environment  VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    store_key    VARCHAR(512) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    facts        TEXT         NOT NULL, -- JSON
    product      VARCHAR(64),
    grants       TEXT         NOT NULL, -- JSON
    stand        VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    refunded_bp  INT          NOT NULL,
    version      BIGINT       NOT NULL, -- of the claim that this has followed
    consumed_at  BIGINT,
    settle       VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_nopad_bin,       -- what the store is to be told
    settle_at    BIGINT,                -- when; NULL: no more
    settle_tries INT          NOT NULL,
    settle_why   VARCHAR(128),          -- why it was given up
    created_at   BIGINT       NOT NULL,
    changed_at   BIGINT       NOT NULL,
    PRIMARY KEY (member, purchase),
    KEY purchase_settle (settle_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
