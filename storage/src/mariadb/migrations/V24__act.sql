-- On the home shard: who did what. Rows are only ever added.
CREATE TABLE act (
    act            BINARY(16)   NOT NULL PRIMARY KEY,
    at             BIGINT       NOT NULL,
    actor          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    what           VARCHAR(64)  NOT NULL,
    kind           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    document       BINARY(16),
    app            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL, -- empty: the publisher's
    `before`       MEDIUMTEXT,
    `after`        MEDIUMTEXT,
    sealed_changed TINYINT      NOT NULL,
    sent_key       VARCHAR(128),
    request        BINARY(32),            -- digest of what came under the key
    handle         VARCHAR(128),
    version        BIGINT,
    revision       BIGINT,
    UNIQUE KEY act_key (actor, sent_key),
    KEY act_time (at, act),
    KEY act_document (kind, document, at, act)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
