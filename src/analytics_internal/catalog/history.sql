-- The catalog's history in PostgreSQL.

-- name: claim
-- $1: who wants to read; $2, $3: seconds that this may take, and that have to be between two reads. No row: another
-- service reads, or has just read.
UPDATE catalog
SET reading_by = $1, reading_until = now() + make_interval(secs => $2::float8), tried_at = now()
WHERE (reading_until IS NULL OR reading_until < now() OR reading_by = $1)
  AND (tried_at IS NULL OR tried_at <= now() - make_interval(secs => $3::float8) OR tried_at > now())
RETURNING revision

-- name: hold
UPDATE catalog
SET reading_until = now() + make_interval(secs => $2::float8)
WHERE reading_by = $1
  AND reading_until >= now()
RETURNING revision

-- name: release
UPDATE catalog
SET reading_by = NULL, reading_until = NULL
WHERE reading_by = $1

-- name: begin
-- Whoever writes waits here for others. A time later than that of every change before, even if the clock was set back.
SELECT reading_by = $1 AND reading_until >= now() AS is_held, first_read_at, doubtful_reads,
       greatest(clock_timestamp(), changed_at + interval '1 microsecond') AS at
FROM catalog
FOR UPDATE

-- name: taken
UPDATE catalog
SET source = $2, first_read_at = coalesce(first_read_at, $3), read_at = $3, failed_at = NULL, error = NULL,
    doubtful_reads = 0, reading_by = NULL, reading_until = NULL,
    revision = revision + $4::boolean::integer,
    version = CASE WHEN $4 THEN gen_random_uuid() ELSE version END,
    changed_at = CASE WHEN $4 THEN $3 ELSE changed_at END
WHERE reading_by = $1

-- name: unchanged
-- What the source has is what was read last. Says so again only every so many seconds ($3).
UPDATE catalog
SET read_at = CASE WHEN read_at > now() - make_interval(secs => $3::float8) THEN read_at ELSE now() END, source = $2,
    failed_at = NULL, error = NULL, reading_by = NULL, reading_until = NULL
WHERE reading_by = $1

-- name: failed
UPDATE catalog
SET failed_at = coalesce(failed_at, now()), error = $2, source = $3, doubtful_reads = $4, reading_by = NULL,
    reading_until = NULL
WHERE reading_by = $1

-- name: doubtful_reads
SELECT doubtful_reads
FROM catalog

-- name: entities
SELECT ref, valid_from, valid_to, shown_ref, kind, title, type, lifecycle, owner, system, domain, tags, has_docs,
       minutes_saved
FROM catalog_entity

-- name: open_entities
SELECT ref, valid_from, valid_to, shown_ref, kind, title, type, lifecycle, owner, system, domain, tags, has_docs,
       minutes_saved
FROM catalog_entity
WHERE valid_to > $1

-- name: memberships
SELECT member, team, valid_from, valid_to
FROM catalog_membership

-- name: open_memberships
SELECT member, team, valid_from, valid_to
FROM catalog_membership
WHERE valid_to > $1

-- name: close_entities
UPDATE catalog_entity
SET valid_to = $3
FROM unnest($1::text[], $2::timestamptz[]) AS closed (ref, valid_from)
WHERE catalog_entity.ref = closed.ref
  AND catalog_entity.valid_from = closed.valid_from

-- name: close_memberships
UPDATE catalog_membership
SET valid_to = $4
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS closed (member, team, valid_from)
WHERE catalog_membership.member = closed.member
  AND catalog_membership.team = closed.team
  AND catalog_membership.valid_from = closed.valid_from

-- name: delete_entities
DELETE FROM catalog_entity
USING unnest($1::text[], $2::timestamptz[]) AS deleted (ref, valid_from)
WHERE catalog_entity.ref = deleted.ref
  AND catalog_entity.valid_from = deleted.valid_from

-- name: delete_memberships
DELETE FROM catalog_membership
USING unnest($1::text[], $2::text[], $3::timestamptz[]) AS deleted (member, team, valid_from)
WHERE catalog_membership.member = deleted.member
  AND catalog_membership.team = deleted.team
  AND catalog_membership.valid_from = deleted.valid_from

