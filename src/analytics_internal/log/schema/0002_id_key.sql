-- Events of people are stored under ids that follow from this key, who sent them and the ids they were sent with:
-- nobody can meet, or use up, an id of somebody else's (docs/reference/ingest.md). The key never leaves the database's
-- clients; without it the stored ids stay as they are, and only what is sent again would be stored twice.
CREATE TABLE id_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    key bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    follows_events boolean NOT NULL
);
COMMENT ON COLUMN id_key.follows_events IS 'Whether events were stored before, under their ids as sent';
INSERT INTO id_key (key, follows_events)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), EXISTS (SELECT FROM event);
