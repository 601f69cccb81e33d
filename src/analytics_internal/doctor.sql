-- The doctor's questions: each finds what must not be there.

-- name: gaps
-- A batch must begin where the one before it ended; the last must end at the head.
WITH placed AS (
    SELECT first_position, lag(first_position + events, 1, 1::bigint) OVER (ORDER BY first_position) AS expected
    FROM log_batch
)
SELECT first_position, expected
FROM placed
WHERE first_position <> expected
UNION ALL
SELECT position, coalesce((SELECT max(first_position + events - 1) FROM log_batch), 0)
FROM log_head
WHERE position <> coalesce((SELECT max(first_position + events - 1) FROM log_batch), 0)

-- name: incomplete_batches
SELECT b.batch_id, b.events AS due, count(e.id) AS found
FROM log_batch b
LEFT JOIN event e ON e.batch_id = b.batch_id
GROUP BY b.batch_id, b.events
HAVING count(e.id) <> b.events
    OR count(DISTINCT e.ordinal) <> b.events
    OR min(e.ordinal) <> 0
    OR max(e.ordinal) <> b.events - 1

-- name: events_without_place
SELECT e.id, e.batch_id
FROM event e
WHERE NOT EXISTS (SELECT FROM log_batch b WHERE b.batch_id = e.batch_id)

-- name: unnamed
SELECT 'item' AS kind, e.item_id AS number, count(*) AS events
FROM event e
WHERE NOT EXISTS (SELECT FROM item i JOIN action USING (action_id) WHERE i.item_id = e.item_id)
GROUP BY e.item_id
UNION ALL
SELECT 'person', e.person_id, count(*)
FROM event e
WHERE e.person_id IS NOT NULL AND NOT EXISTS (SELECT FROM person n WHERE n.person_id = e.person_id)
GROUP BY e.person_id
UNION ALL
SELECT 'plugin', e.plugin_id, count(*)
FROM event e
WHERE e.plugin_id IS NOT NULL AND NOT EXISTS (SELECT FROM plugin n WHERE n.plugin_id = e.plugin_id)
GROUP BY e.plugin_id
UNION ALL
SELECT 'entity', e.entity_id, count(*)
FROM event e
WHERE e.entity_id IS NOT NULL AND NOT EXISTS (SELECT FROM entity n WHERE n.entity_id = e.entity_id)
GROUP BY e.entity_id
UNION ALL
SELECT 'path', e.path_id, count(*)
FROM event e
WHERE e.path_id IS NOT NULL AND NOT EXISTS (SELECT FROM path n WHERE n.path_id = e.path_id)
GROUP BY e.path_id
UNION ALL
SELECT 'context', e.context_id, count(*)
FROM event e
WHERE e.context_id IS NOT NULL AND NOT EXISTS (SELECT FROM context n WHERE n.context_id = e.context_id)
GROUP BY e.context_id

-- name: impossible_times
SELECT id, occurred_at
FROM event
WHERE occurred_at < '2000-01-01T00:00:00Z' OR occurred_at > received_at + interval '1 day'

-- name: misplaced
-- The same id in two months would be stored twice: the name of a partition must be the month of its ids.
SELECT id
FROM event
WHERE tableoid::regclass::text !~ ('event_' || to_char(
    to_timestamp((('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint) / 1000.0) AT TIME ZONE 'UTC',
    'YYYY_MM') || '"?$')

-- name: sizes
SELECT (SELECT position FROM log_head) AS events,
       (SELECT count(*) FROM log_batch) AS batches,
       (SELECT count(*) FROM rejected_event) AS rejected

-- name: days
SELECT min((occurred_at AT TIME ZONE $1)::date) AS first, max((occurred_at AT TIME ZONE $1)::date) AS last
FROM event

-- name: counts
SELECT (e.occurred_at AT TIME ZONE $1::text)::date AS day, e.item_id, p.ref AS person, count(*) AS events
FROM event e
JOIN log_batch b ON b.batch_id = e.batch_id
LEFT JOIN person p ON p.person_id = e.person_id
WHERE e.occurred_at >= $2::date::timestamp AT TIME ZONE $1::text
  AND e.occurred_at < $3::date::timestamp AT TIME ZONE $1::text
  AND b.first_position + e.ordinal <= $4::bigint
GROUP BY 1, 2, 3
