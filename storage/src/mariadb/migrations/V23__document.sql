-- On the home shard: what operators write for all players.
CREATE TABLE document (
    kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    id         BINARY(16)   NOT NULL,
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL, -- empty: the publisher's
    handle     VARCHAR(128),
    version    BIGINT       NOT NULL,
    revision   BIGINT       NOT NULL, -- its last change's place among all changes
    body       MEDIUMTEXT   NOT NULL, -- JSON
    sealed     VARBINARY(4096),
    removed    TINYINT      NOT NULL,
    changed_at BIGINT       NOT NULL,
    changed_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    standing   VARCHAR(128) AS (IF(removed = 0, handle, NULL)) VIRTUAL,
    PRIMARY KEY (kind, id),
    UNIQUE KEY document_revision (revision),
    UNIQUE KEY document_handle (kind, app, standing)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
