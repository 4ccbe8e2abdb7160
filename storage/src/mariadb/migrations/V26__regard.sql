-- What a member did with notices and banners.
CREATE TABLE regard (
    member          BIGINT     NOT NULL,
    content         BINARY(16) NOT NULL,
    seen_at         BIGINT,
    dismissed_until BIGINT,
    changed_at      BIGINT     NOT NULL,
    PRIMARY KEY (member, content),
    KEY regard_changed (changed_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
