-- What answers need beyond the events: who of the senders was a program, the portal's catalog with its history, and
-- filters that were saved.

-- Programs that act in the portal: an event has one if a program sent it, for itself or for a person.
CREATE TABLE agent (
    agent_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest uuid NOT NULL UNIQUE,
    name text NOT NULL
);
ALTER TABLE event ADD COLUMN agent_id integer;

-- One row: how far the portal's catalog was read. The revision grows whenever one of the two tables below changes.
CREATE TABLE catalog (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    revision bigint NOT NULL DEFAULT 0,
    version uuid NOT NULL DEFAULT gen_random_uuid(),
    changed_at timestamptz,
    source text,
    first_read_at timestamptz,
    read_at timestamptz,
    failed_at timestamptz,
    error text,
    doubtful_reads integer NOT NULL DEFAULT 0,
    reading_by uuid,
    reading_until timestamptz,
    tried_at timestamptz
);
INSERT INTO catalog DEFAULT VALUES;
COMMENT ON COLUMN catalog.version IS 'Another one with each revision: a standby that lagged may give a revision again';
COMMENT ON COLUMN catalog.first_read_at IS 'What was found then counts for all time before';
COMMENT ON COLUMN catalog.read_at IS 'When the source last answered as a whole';
COMMENT ON COLUMN catalog.failed_at IS 'Since when it does not; null when it does';
COMMENT ON COLUMN catalog.doubtful_reads IS 'How often it had so little that it was not believed, one read after the other';
COMMENT ON COLUMN catalog.reading_by IS 'Which service reads it now, until reading_until at most';
COMMENT ON COLUMN catalog.tried_at IS 'When a service last began to read it';

-- An entity of the catalog as it was from valid_from until valid_to. Of one ref the times do not overlap.
CREATE TABLE catalog_entity (
    ref text NOT NULL,
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    valid_to timestamptz NOT NULL DEFAULT 'infinity',
    shown_ref text NOT NULL,
    kind text NOT NULL,
    title text,
    type text,
    lifecycle text,
    owner text,
    system text,
    domain text,
    tags text[] NOT NULL DEFAULT '{}',
    has_docs boolean NOT NULL DEFAULT false,
    minutes_saved double precision,
    PRIMARY KEY (ref, valid_from),
    CHECK (valid_from < valid_to)
);
COMMENT ON COLUMN catalog_entity.ref IS 'Lower-cased, kind:namespace/name; owner, system and domain are refs too';
COMMENT ON COLUMN catalog_entity.shown_ref IS 'As the catalog spells it';
COMMENT ON COLUMN catalog_entity.domain IS 'Its own, or that of its system';
COMMENT ON COLUMN catalog_entity.minutes_saved IS 'What a run of this template saves, as its annotation says';

-- A person (or a group) was a member (or a child) of a group. Of one pair the times do not overlap.
CREATE TABLE catalog_membership (
    member text NOT NULL,
    team text NOT NULL,
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    valid_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (member, team, valid_from),
    CHECK (valid_from < valid_to)
);

-- Filters that somebody has saved under a name. Of a deleted one the name stays, for whoever follows a link to it.
CREATE TABLE segment (
    segment_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    description text,
    filters jsonb,
    made_by text,
    made_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CHECK ((filters IS NULL) = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX segment_name ON segment (lower(name)) WHERE deleted_at IS NULL;
COMMENT ON COLUMN segment.made_by IS 'Ref of the person; null for a machine, and without authentication';
