-- What a client said of itself at the login, which counts where a refresh says nothing of it.
ALTER TABLE login ADD COLUMN country   TEXT;
ALTER TABLE login ADD COLUMN lang      TEXT;
ALTER TABLE login ADD COLUMN device_id TEXT;
