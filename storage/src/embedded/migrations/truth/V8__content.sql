-- What a member did with notices and banners.
CREATE TABLE regard (
    member          INTEGER NOT NULL,
    content         BLOB    NOT NULL,
    seen_at         INTEGER,
    dismissed_until INTEGER,
    changed_at      INTEGER NOT NULL,
    PRIMARY KEY (member, content)
) STRICT, WITHOUT ROWID;

CREATE INDEX regard_changed ON regard (changed_at);

-- How often notices and banners were shown, clicked and put away, as each run of the program
-- counted it.
CREATE TABLE tally (
    content   BLOB    NOT NULL,
    day       INTEGER NOT NULL, -- since 1970-01-01, UTC
    run       BLOB    NOT NULL,
    shown     INTEGER NOT NULL,
    clicked   INTEGER NOT NULL,
    dismissed INTEGER NOT NULL,
    PRIMARY KEY (content, day, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX tally_day ON tally (day);
