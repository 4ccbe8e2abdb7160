-- The upper ten bits of a member's id are its virtual shard, so a shard is a range of keys.
CREATE TABLE member (
    member     BIGINT      NOT NULL PRIMARY KEY,
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    origin     BINARY(32)  NOT NULL, -- digest of the identity that it was made for
    created_at BIGINT      NOT NULL,
    version    BIGINT      NOT NULL,
    ban        BINARY(16)           -- the ban that counts
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
