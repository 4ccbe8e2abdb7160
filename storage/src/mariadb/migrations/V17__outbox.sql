-- What the games' own servers are to be told, numbered for each member.
CREATE TABLE outbox (
    member     BIGINT      NOT NULL,
    seq        BIGINT      NOT NULL,
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    notice     BINARY(16)  NOT NULL,
    word       VARCHAR(64) NOT NULL,
    body       MEDIUMTEXT  NOT NULL, -- JSON
    sent       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    tries      INT         NOT NULL,
    why        VARCHAR(128),
    created_at BIGINT      NOT NULL,
    PRIMARY KEY (member, seq),
    KEY outbox_waiting (member, sent),
    KEY outbox_time (app, created_at),
    KEY outbox_sent (sent, created_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
