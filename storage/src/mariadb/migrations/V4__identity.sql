-- On the member's shard: by what it can log in.
CREATE TABLE identity (
    member        BIGINT       NOT NULL,
    identity      BINARY(32)   NOT NULL,
    app           VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    provider      VARCHAR(64)  NOT NULL,
    subject       TEXT         NOT NULL,
    linked_at     BIGINT       NOT NULL,
    last_login_at BIGINT       NOT NULL,
    PRIMARY KEY (member, identity)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
