-- The member's only lock, and which login counts. Epoch 0: nobody has logged in yet.
CREATE TABLE member_session (
    member      BIGINT      NOT NULL PRIMARY KEY,
    app         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    epoch       BIGINT      NOT NULL,
    login       BINARY(16)  NOT NULL,
    inbox_seq   BIGINT      NOT NULL,
    inbox_acked BIGINT      NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
