-- Which virtual shards this primary keeps. Read with a shared lock inside each transaction that
-- writes, so that a writer with an old map is refused. Shard -1 is what belongs to no member.
CREATE TABLE shard_range (
    first_shard SMALLINT    NOT NULL PRIMARY KEY,
    last_shard  SMALLINT    NOT NULL,
    version     BIGINT      NOT NULL,
    state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
