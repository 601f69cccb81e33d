-- What the routes of segments, and questions that name some, read and write.

-- name: all
SELECT segment_id, name, description, filters::text AS filters, made_by, made_at, changed_at, deleted_at
FROM segment
WHERE deleted_at IS NULL
ORDER BY lower(name), segment_id

-- name: some
-- Those with the ids $1, deleted ones too.
SELECT segment_id, name, description, filters::text AS filters, made_by, made_at, changed_at, deleted_at
FROM segment
WHERE segment_id = ANY ($1::uuid[])

-- name: count
SELECT count(*) FROM segment WHERE deleted_at IS NULL

-- name: make
-- No row where another one has the name.
INSERT INTO segment (name, description, filters, made_by)
VALUES ($1, $2, $3::text::jsonb, $4)
ON CONFLICT DO NOTHING
RETURNING segment_id, name, description, filters::text AS filters, made_by, made_at, changed_at, deleted_at

-- name: change
-- The time of the change is later than that of the one before: cursors know by it that a segment has changed.
UPDATE segment
SET name = $2, description = $3, filters = $4::text::jsonb,
    changed_at = greatest(clock_timestamp(), changed_at + interval '1 microsecond')
WHERE segment_id = $1 AND deleted_at IS NULL
RETURNING segment_id, name, description, filters::text AS filters, made_by, made_at, changed_at, deleted_at

-- name: delete
-- The name stays, and nothing else.
UPDATE segment
SET deleted_at = clock_timestamp(), filters = NULL, description = NULL, made_by = NULL
WHERE segment_id = $1 AND deleted_at IS NULL
RETURNING segment_id
