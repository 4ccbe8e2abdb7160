-- On the home shard: who is logged in to the operators' API. The token itself is with the browser
-- alone.
CREATE TABLE operator_session (
    token      BINARY(32)   NOT NULL PRIMARY KEY, -- its digest
    id         BINARY(16)   NOT NULL,
    operator   BINARY(16)   NOT NULL,
    address    VARCHAR(64)  NOT NULL,
    agent      VARCHAR(256) NOT NULL,
    created_at BIGINT       NOT NULL,
    seen_at    BIGINT       NOT NULL,
    proven_at  BIGINT       NOT NULL,
    ends_at    BIGINT       NOT NULL,
    KEY operator_session_operator (operator, seen_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
