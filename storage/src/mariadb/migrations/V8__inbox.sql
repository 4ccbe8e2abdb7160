-- A member's inbox: pushes that must arrive, numbered from 1 without a gap. The numbers are
-- counted in the member's own lock row.
CREATE TABLE inbox (
    member     BIGINT      NOT NULL,
    seq        BIGINT      NOT NULL,
    word       VARCHAR(64) NOT NULL,
    body       MEDIUMTEXT  NOT NULL, -- JSON
    created_at BIGINT      NOT NULL,
    expires_at BIGINT      NOT NULL,
    PRIMARY KEY (member, seq),
    KEY inbox_expiry (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
