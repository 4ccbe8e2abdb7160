-- Every change of what members have, by double entry: of each transfer the lines of an item sum
-- up to zero. Rows are written once and stay.
CREATE TABLE ledger (
    member   BIGINT      NOT NULL,
    transfer BINARY(16)  NOT NULL,
    line     SMALLINT    NOT NULL,
    account  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    item     VARCHAR(64) NOT NULL,
    delta    BIGINT      NOT NULL,
    balance  BIGINT,               -- what the member had right after; of the member's own lines
    cause    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    purchase BINARY(16),           -- what was granted or taken back
    note     VARCHAR(128),
    at       BIGINT      NOT NULL,
    PRIMARY KEY (member, transfer, line),
    KEY ledger_time (member, at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
