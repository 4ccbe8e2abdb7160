-- Pushes that a game's server asked for under a name of its own: each is posted once.
CREATE TABLE posted (
    member     BIGINT     NOT NULL,
    post       BINARY(16) NOT NULL,
    digest     BINARY(32) NOT NULL, -- of what was asked for
    seq        BIGINT     NOT NULL,
    expires_at BIGINT     NOT NULL,
    PRIMARY KEY (member, post),
    KEY posted_expires (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
