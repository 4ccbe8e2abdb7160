-- One statement a file: MariaDB commits each DDL statement by itself. Times are microseconds
-- since the epoch, digests are SHA-256, ids of rows are UUIDs of version 7 as 16 bytes. Keys
-- are compared byte for byte, trailing spaces included.
CREATE TABLE app (
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    settings   LONGTEXT       NOT NULL, -- JSON
    seed       VARBINARY(64)  NOT NULL, -- digest of the description that was last sown
    version    BIGINT         NOT NULL,
    changed_at BIGINT         NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
