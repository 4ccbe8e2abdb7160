-- Of whom something is to be told, and the last number that was given. Written under the
-- member's lock.
CREATE TABLE outbox_member (
    member BIGINT      NOT NULL PRIMARY KEY,
    app    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    seq    BIGINT      NOT NULL,
    due_at BIGINT,               -- NULL: nothing waits
    KEY outbox_member_due (due_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
