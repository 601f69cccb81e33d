-- Forwarding: each destination is one more cursor on the log. Its configuration is in the settings; here is its state.

-- One row a destination that was ever configured; its counts are of the events after start_position.
CREATE TABLE destination (
    name text PRIMARY KEY,
    type text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    start_position bigint NOT NULL,
    position bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    holder uuid,
    held_at timestamptz,
    is_paused boolean NOT NULL DEFAULT false,
    stopped_because text,
    delivered bigint NOT NULL DEFAULT 0,
    filtered bigint NOT NULL DEFAULT 0,
    dead bigint NOT NULL DEFAULT 0,
    missing bigint NOT NULL DEFAULT 0,
    redelivered bigint NOT NULL DEFAULT 0,
    failed_attempts bigint NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    failed_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    error text,
    error_status integer,
    error_answer text,
    next_attempt_at timestamptz
);
COMMENT ON COLUMN destination.position IS 'Every event up to here is delivered, filtered out, dead or missing from the log';
COMMENT ON COLUMN destination.moved_at IS 'When the position moved the last time';
COMMENT ON COLUMN destination.holder IS 'The process that forwards to it, or did so last';
COMMENT ON COLUMN destination.stopped_because IS 'Why the receiver wants no more events; null if it does';
COMMENT ON COLUMN destination.redelivered IS 'Events delivered by replays, dead letters among them';
COMMENT ON COLUMN destination.failures IS 'Failed attempts since the last delivery';

-- Events that could not be delivered. The event itself stays in the log alone.
CREATE TABLE dead_letter (
    destination text NOT NULL REFERENCES destination (name) ON DELETE CASCADE,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    status integer,
    answer text,
    died_at timestamptz NOT NULL DEFAULT now(),
    is_queued boolean NOT NULL DEFAULT false,
    PRIMARY KEY (destination, position)
);
-- A worker asks for them several times a second.
CREATE INDEX dead_letter_queued ON dead_letter (destination, position) WHERE is_queued;
COMMENT ON COLUMN dead_letter.is_queued IS 'Whether somebody has asked to send it again';

-- Ranges of the log to be delivered once more, beside the events that are new.
CREATE TABLE replay (
    replay_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    destination text NOT NULL REFERENCES destination (name) ON DELETE CASCADE,
    after_position bigint NOT NULL,
    up_to_position bigint NOT NULL,
    position bigint NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);

-- The pseudonyms of people are hashes with this key, the same for every destination. Only clients of the database see
-- it. If it is lost, the same people get other pseudonyms.
CREATE TABLE pseudonym_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    key bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO pseudonym_key (key)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
