-- When a claim that was left pending is tried again: one that cannot be finished makes room.
ALTER TABLE purchase_claim
    ADD COLUMN finish_at BIGINT NOT NULL DEFAULT 0,
    DROP KEY purchase_claim_pending,
    ADD KEY purchase_claim_pending (pending, finish_at, changed_at)
