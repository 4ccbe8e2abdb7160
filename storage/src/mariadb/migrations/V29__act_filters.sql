-- Pages of the audit by game alone and by actor alone, in the order in which they are told.
ALTER TABLE act
    ADD KEY act_app (app, at, act),
    ADD KEY act_actor (actor, at, act)
