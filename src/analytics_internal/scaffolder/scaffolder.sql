-- What reading the scaffolder's tasks asks of the database.

-- name: stored
-- Which of these ids are in the log. The bounds let PostgreSQL skip the other months.
SELECT id
FROM event
WHERE id = ANY ($1::uuid[])
  AND id >= $2::uuid
  AND id <= $3::uuid

-- name: minutes_saved
-- What runs of some templates saved at their times, as the catalog had it then.
SELECT asked.ref, asked.at, e.minutes_saved
FROM unnest($1::text[], $2::timestamptz[]) AS asked (ref, at)
JOIN catalog_entity e ON e.ref = asked.ref AND e.valid_from <= asked.at AND asked.at < e.valid_to
