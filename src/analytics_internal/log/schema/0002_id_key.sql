-- The stored ids of people's events are derived from this key, the sender and the id as sent, so no sender can guess or
-- use up another sender's id (docs/reference/ingest.md). Only clients of the database see the key. If it is lost, stored
-- ids stay valid, but an event that is sent again is stored twice.
CREATE TABLE id_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    key bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    follows_events boolean NOT NULL
);
COMMENT ON COLUMN id_key.follows_events IS 'Whether events were stored before, under their ids as sent';
INSERT INTO id_key (key, follows_events)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), EXISTS (SELECT FROM event);
