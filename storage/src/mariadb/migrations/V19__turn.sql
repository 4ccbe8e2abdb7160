-- On the home shard: when work that one node does at a time is due again.
CREATE TABLE turn (
    work   VARCHAR(128) NOT NULL PRIMARY KEY,
    due_at BIGINT       NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
