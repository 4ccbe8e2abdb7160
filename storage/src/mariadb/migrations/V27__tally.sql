-- On the home shard: how often notices and banners were shown, clicked and put away, as each run of
-- the program counted it.
CREATE TABLE tally (
    content   BINARY(16) NOT NULL,
    day       INT        NOT NULL, -- since 1970-01-01, UTC
    run       BINARY(16) NOT NULL,
    shown     BIGINT     NOT NULL,
    clicked   BIGINT     NOT NULL,
    dismissed BIGINT     NOT NULL,
    PRIMARY KEY (content, day, run),
    KEY tally_day (day)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
