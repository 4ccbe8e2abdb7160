-- Pages of the audit by game alone and by actor alone, in the order in which they are told.
CREATE INDEX act_app ON act (app, at, act);
CREATE INDEX act_actor ON act (actor, at, act);
