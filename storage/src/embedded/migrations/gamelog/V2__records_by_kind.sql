-- What happened of one kind is asked for a game at a time.
DROP INDEX record_kind;
CREATE INDEX record_kind ON record (app, kind, at, record);
