CREATE TABLE login (
    login        BINARY(16)    NOT NULL PRIMARY KEY,
    app          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    member       BIGINT        NOT NULL,
    provider     VARCHAR(64)   NOT NULL,
    epoch        BIGINT        NOT NULL,
    platform     VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    store        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    device       VARCHAR(512),
    version      VARCHAR(512)  NOT NULL,
    created_at   BIGINT        NOT NULL,
    refreshed_at BIGINT        NOT NULL,
    expires_at   BIGINT        NOT NULL,
    ended_by     VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    ended_at     BIGINT,
    tag          BINARY(32)    NOT NULL, -- digest of what all refresh tokens of this login share
    token        BINARY(32)    NOT NULL, -- digest of the present refresh token
    previous     BINARY(32),             -- digest of the one before
    sealed       VARBINARY(255),         -- the present token, sealed under the one before
    KEY login_member (member, created_at),
    KEY login_expiry (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
