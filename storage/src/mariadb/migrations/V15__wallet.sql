-- What members have: the sum of their entries in the ledger.
CREATE TABLE wallet (
    member  BIGINT      NOT NULL,
    item    VARCHAR(64) NOT NULL,
    app     VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    balance BIGINT      NOT NULL,
    PRIMARY KEY (member, item)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
