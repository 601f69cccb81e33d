-- The log, and the small tables that name what it speaks of.

-- One row: the newest position. A batch updates it as the last statement of its transaction; the row's lock makes
-- positions gapless and visible in order.
CREATE TABLE log_head (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO log_head DEFAULT VALUES;

-- One row a committed batch: its events have the positions first_position + ordinal.
CREATE TABLE log_batch (
    first_position bigint PRIMARY KEY,
    batch_id bigint NOT NULL,
    events integer NOT NULL CHECK (events > 0)
);
-- Numbers the writing processes: part of their batch ids (batch_ids.py).
CREATE SEQUENCE log_writer;

-- Digests (blake2b, 128 bits, stored as uuid) stand in for long texts in unique indexes.
CREATE TABLE action (
    action_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    name text NOT NULL
);
CREATE TABLE item (
    item_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    action_id integer NOT NULL,
    subject text NOT NULL,
    path text
);
COMMENT ON COLUMN item.path IS 'Where in the portal the item led when it was first seen';
CREATE TABLE person (
    person_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    ref text NOT NULL
);
CREATE TABLE plugin (
    plugin_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    name text NOT NULL
);
CREATE TABLE entity (
    entity_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    ref text NOT NULL
);
CREATE TABLE path (
    path_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    name text NOT NULL
);
CREATE TABLE context (
    context_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    content jsonb NOT NULL
);

-- Partitioned by id: a UUIDv7 begins with its time, so a range of ids is a month, and the primary key of one
-- partition makes an id unique in the whole log. Partitions are made ahead (partitions.py).
CREATE TABLE event (
    id uuid NOT NULL,
    batch_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    content_hash bigint NOT NULL,
    item_id integer NOT NULL,
    person_id integer,
    plugin_id integer,
    entity_id integer,
    path_id integer,
    context_id integer,
    ordinal smallint NOT NULL,
    is_imported boolean NOT NULL,
    value double precision,
    session_id uuid,
    attributes jsonb,
    original_subject text,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX event_batch_id ON event (batch_id);

-- Refused events, for inspection and replay; limited in number and age.
CREATE TABLE rejected_event (
    rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    event_id text,
    person text,
    payload text NOT NULL
);
CREATE INDEX rejected_event_received_at ON rejected_event (received_at);
CREATE TABLE rejected_count (
    reason text NOT NULL,
    day date NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (reason, day)
);
COMMENT ON COLUMN rejected_count.day IS 'Day of receipt, UTC';
