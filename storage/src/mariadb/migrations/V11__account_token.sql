-- What a member hands to stores with each purchase, to say whose it is.
CREATE TABLE account_token (
    member BIGINT      NOT NULL PRIMARY KEY,
    app    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    token  BINARY(16)  NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
