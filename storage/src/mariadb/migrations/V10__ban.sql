-- Why a member is kept out. A row is written once and stays; the member names the one that
-- counts, and from its end on it counts no more.
CREATE TABLE ban (
    ban        BINARY(16)    NOT NULL PRIMARY KEY,
    app        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    member     BIGINT        NOT NULL,
    reason     TEXT          NOT NULL, -- what the player is told
    ends_at    BIGINT,                 -- NULL: without an end
    created_at BIGINT        NOT NULL,
    created_by VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    KEY ban_member (member, created_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
