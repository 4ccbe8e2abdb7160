-- On the home shard: the revision of the last change of a document. Every change locks its row
-- first, so that revisions are committed in their order.
CREATE TABLE document_head (
    head     TINYINT NOT NULL PRIMARY KEY, -- 1: there is one
    revision BIGINT  NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin
