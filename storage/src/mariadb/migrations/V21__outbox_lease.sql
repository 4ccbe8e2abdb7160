-- Who leased a member's notices last: who lost the lease says no more what came of them.
ALTER TABLE outbox_member
    ADD COLUMN lease BINARY(16)
