-- On the shard of the nonce's digest.
CREATE TABLE used_nonce (
    nonce      BINARY(32)  NOT NULL,
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    attempt    BINARY(16)  NOT NULL, -- the login that used it
    expires_at BIGINT      NOT NULL,
    PRIMARY KEY (nonce, app),
    KEY used_nonce_expiry (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
