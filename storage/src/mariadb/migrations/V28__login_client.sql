-- What a client said of itself at the login, which counts where a refresh says nothing of it.
ALTER TABLE login
    ADD COLUMN country   VARCHAR(2)  NULL,
    ADD COLUMN lang      VARCHAR(35) NULL,
    ADD COLUMN device_id VARCHAR(64) NULL,
    ALGORITHM = INSTANT;
