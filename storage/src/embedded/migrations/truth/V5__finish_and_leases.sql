-- When a claim that was left pending is tried again: one that cannot be finished makes room.
ALTER TABLE purchase_claim ADD COLUMN finish_at INTEGER NOT NULL DEFAULT 0;
DROP INDEX purchase_claim_pending;
CREATE INDEX purchase_claim_pending ON purchase_claim (finish_at, changed_at)
    WHERE pending = 1;

-- Who leased a member's notices last: who lost the lease says no more what came of them.
ALTER TABLE outbox_member ADD COLUMN lease BLOB;
